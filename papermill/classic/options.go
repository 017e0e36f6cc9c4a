package classic

import (
	"fmt"
	"io"

	"github.com/cellar-go/cellar/papermill/parameters"
)

// settings are what a command line says.
type settings struct {
	helpNotebook bool

	flags                                 parameters.Flags
	injectInput, injectOutput, injectBoth bool

	engine, kernel, language, cwd *string
	saveCells                     bool
	autosave                      int
	prepareOnly, reportMode       bool
	progressBar                   *bool
	logOutput                     bool
	stdoutFile, stderrFile        *string
	logLevel                      string
	startTimeout, executionTime   int
}

var levels = []string{"NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}

// options is the table of Papermill's options, in the order of its help.
func (p *Program) options(s *settings) []*option {
	s.saveCells, s.autosave, s.logLevel, s.startTimeout = true, 30, "INFO", 60
	var all []*option
	add := func(o *option) *option {
		all = append(all, o)
		return o
	}
	flag := func(name string, into *bool, help string) {
		add(&option{names: []string{name}, help: help, set: on(into)})
	}
	toggle := func(name, off string, into *bool, help string) {
		add(&option{names: []string{name}, off: []string{off}, help: help, set: on(into)})
	}
	flag("--help-notebook", &s.helpNotebook, "Display parameters information for the given notebook path.")
	add(&option{names: []string{"-p", "--parameters"}, takes: 2, metavar: "TEXT...", help: "Parameters to pass to the parameters cell.", set: pairs(&s.flags.Typed)})
	add(&option{names: []string{"-r", "--parameters_raw"}, takes: 2, metavar: "TEXT...", help: "Parameters to be read as raw string.", set: pairs(&s.flags.Raw)})
	add(&option{names: []string{"-f", "--parameters_file"}, takes: 1, metavar: "TEXT", help: "Path to YAML file containing parameters.", set: texts(&s.flags.Files)})
	add(&option{names: []string{"-y", "--parameters_yaml"}, takes: 1, metavar: "TEXT", help: "YAML string to be used as parameters.", set: texts(&s.flags.YAML)})
	add(&option{names: []string{"-b", "--parameters_base64"}, takes: 1, metavar: "TEXT", help: "Base64 encoded YAML string as parameters.", set: texts(&s.flags.Base64)})
	flag("--inject-input-path", &s.injectInput, "Insert the path of the input notebook as PAPERMILL_INPUT_PATH as a notebook parameter.")
	flag("--inject-output-path", &s.injectOutput, "Insert the path of the output notebook as PAPERMILL_OUTPUT_PATH as a notebook parameter.")
	flag("--inject-paths", &s.injectBoth, "Insert the paths of input/output notebooks as PAPERMILL_INPUT_PATH/PAPERMILL_OUTPUT_PATH as notebook parameters.")
	add(&option{names: []string{"--engine"}, takes: 1, metavar: "TEXT", help: "The execution engine name to use in evaluating the notebook.", set: text(&s.engine)})
	toggle("--request-save-on-cell-execute", "--no-request-save-on-cell-execute", &s.saveCells, "Request save notebook after each cell execution")
	autosave := add(&option{names: []string{"--autosave-cell-every"}, takes: 1, metavar: "INTEGER",
		help: "How often in seconds to autosave the notebook during long cell executions (0 to disable)"})
	autosave.set = integer(autosave, &s.autosave)
	toggle("--prepare-only", "--prepare-execute", &s.prepareOnly, "Flag for outputting the notebook without execution, but with parameters applied.")
	add(&option{names: []string{"-k", "--kernel"}, takes: 1, metavar: "TEXT", help: "Name of kernel to run. Ignores kernel name in the notebook document metadata.", set: text(&s.kernel)})
	add(&option{names: []string{"-l", "--language"}, takes: 1, metavar: "TEXT", help: "Language for notebook execution. Ignores language in the notebook document metadata.", set: text(&s.language)})
	add(&option{names: []string{"--cwd"}, takes: 1, metavar: "TEXT", help: "Working directory to run notebook in.", set: text(&s.cwd)})
	add(&option{names: []string{"--progress-bar"}, off: []string{"--no-progress-bar"}, help: "Flag for turning on the progress bar.", set: func(values [][]string) error {
		s.progressBar = new(bool)
		return on(s.progressBar)(values)
	}})
	toggle("--log-output", "--no-log-output", &s.logOutput, "Flag for writing notebook output to the configured logger.")
	add(&option{names: []string{"--stdout-file"}, takes: 1, metavar: "FILENAME", help: "File to write notebook stdout output to.", set: text(&s.stdoutFile)})
	add(&option{names: []string{"--stderr-file"}, takes: 1, metavar: "FILENAME", help: "File to write notebook stderr output to.", set: text(&s.stderrFile)})
	level := add(&option{names: []string{"--log-level"}, takes: 1, metavar: "[NOTSET|DEBUG|INFO|WARNING|ERROR|CRITICAL]", help: "Set log level"})
	level.set = choice(level, &s.logLevel, levels)
	start := add(&option{names: []string{"--start-timeout", "--start_timeout"}, takes: 1, metavar: "INTEGER", help: "Time in seconds to wait for kernel to start."})
	start.set = integer(start, &s.startTimeout)
	execution := add(&option{names: []string{"--execution-timeout"}, takes: 1, metavar: "INTEGER",
		help: "Time in seconds to wait for each cell before failing execution (default: forever)"})
	execution.set = integer(execution, &s.executionTime)
	toggle("--report-mode", "--no-report-mode", &s.reportMode, "Flag for hiding input.")
	add(&option{names: []string{"--version"}, help: "Flag for displaying the version.", eager: true, set: func([][]string) error {
		fmt.Fprintf(p.Out, "%s from %s (cellar %s)\n", papermillVersion, p.executable(), p.Version)
		return exit(0)
	}})
	add(&option{names: []string{"-h", "--help"}, help: "Show this message and exit.", eager: true, set: func([][]string) error {
		io.WriteString(p.Out, p.help(all))
		return exit(0)
	}})
	return all
}
