// Package step is the frame of the program that computes one asset: it loads the inputs, runs the code, saves the outputs.
//
// Generated programs import it, people do not. A step learns what to do from one specification file and answers with one result file,
// so the same command line runs on a laptop, in a container or under an engine. It knows Parquet files by their paths, and nothing of
// stores, keys, notebooks or commits. Start reading at Main; the files are described in docs/formats/step.md.
package step
