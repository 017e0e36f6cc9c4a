package gonb

import "encoding/gob"

// Variables by which gonbui finds the pipes.
const (
	pipeEnv = "GONB_PIPE"
	backEnv = "GONB_PIPE_BACK"
)

// MIME types that are no displays.
const (
	mimeInput     = "gonb/jupyter_input"
	mimeComm      = "gonb/comm_value"
	mimeSubscribe = "gonb/comm_subscribe"
)

const (
	syncAddress    = "#gonbui/sync"
	syncAckAddress = "#gonbui/sync_ack"
)

// message is protocol.DisplayData.
type message struct {
	Data      map[string]any
	Metadata  map[string]any
	DisplayID string
}

// inputRequest, value and subscription stand in message.Data under the names that their own types have in GoNB's module.
type inputRequest struct {
	Prompt   string
	Password bool
}

type value struct {
	Address string
	Request bool
	Value   any
}

type subscription struct {
	Address     string
	Unsubscribe bool
}

func init() {
	const home = "github.com/janpfeifer/gonb/gonbui/protocol."
	gob.RegisterName(home+"DisplayData", message{})
	gob.RegisterName(home+"InputRequest", inputRequest{})
	gob.RegisterName(home+"CommValue", value{})
	gob.RegisterName(home+"CommSubscription", subscription{})
	for _, v := range []any{[]int{}, []float64{}, []string{}, []any{}, map[string]int{}, map[string]float64{}, map[string]string{}, map[string]any{}} {
		gob.Register(v)
	}
}
