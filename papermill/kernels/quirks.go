package kernels

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/cellar-go/cellar/internal/jupyter"
)

// quirk is what has to be known of an implementation, since it can't be seen.
type quirk struct {
	// print prints a text, in a kernel that sends what is printed on a way of its own: it may come after the word that its cell has ended,
	// and is then the next cell's. A notebook that puts another console in the place of the kernel's neither sees this nor keeps it from coming.
	print string

	// sent is an expression for the number of messages that show something and that it has sent, in a kernel that launcher.py makes count them.
	sent string

	// zmqRust: its sockets are those of the crate zeromq, which has no limit of messages but one of 128 KiB, beyond what the system holds. Of
	// small messages Deno dropped none below 2 MB when nobody read.
	zmqRust bool
}

var quirks = map[string]quirk{ // by implementation
	"Deno kernel":   {print: `(Deno[Deno.internal]?.core?.print ?? console.log)(%s)`, zmqRust: true},
	"evcxr_jupyter": {zmqRust: true},
	"xeus-python":   {sent: "get_ipython().cellar_sent()"},
}

// quirkOf is that of the kernel that has sent this kernel_info_reply.
func quirkOf(info json.RawMessage) quirk {
	var in struct {
		Implementation string `json:"implementation"`
	}
	json.Unmarshal(info, &in) // who says nothing has none
	return quirks[in.Implementation]
}

// SafeBacklog is how many messages, or bytes of them, may be on their way at once without the risk that the kernel drops some. The limit of
// libzmq's sockets is 1,000 unless a kernel sets another, but what has left one is told to its sender in lots of half of that: the low water mark.
func (k *Kernel) SafeBacklog() (messages int, bytes int64) {
	if k.quirk.zmqRust {
		return 1 << 20, 2 << 20
	}
	return 500, 1 << 40
}

// PrintsAside reports whether the kernel sends what is printed on a way of its own.
func (k *Kernel) PrintsAside() bool { return k.quirk.print != "" }

// Print has a kernel that prints aside print a text of ASCII letters after all that it has printed before. Its messages have the identifier
// as parent.
func (k *Kernel) Print(text string) (id string, err error) {
	quoted, err := json.Marshal(text)
	if err != nil {
		return "", err
	}
	h, err := k.client.Request(jupyter.Shell, "execute_request", executeRequest{Code: fmt.Sprintf(k.quirk.print, quoted), Silent: true, UserExpressions: noExpressions, StopOnError: true})
	return h.ID, err
}

// AskSent asks a kernel how many messages that show something it has sent; Sent reads the answer, which has the identifier as parent. It is
// empty for a kernel that counts none.
func (k *Kernel) AskSent() (id string, err error) {
	if k.quirk.sent == "" {
		return "", nil
	}
	h, err := k.client.Request(jupyter.Shell, "execute_request", executeRequest{Silent: true, UserExpressions: map[string]string{sentName: k.quirk.sent}})
	return h.ID, err
}

const sentName = "sent"

// Sent is the answer to AskSent; false if the kernel could not say.
func Sent(reply *jupyter.Message) (messages int, ok bool) {
	var in struct {
		Values map[string]struct {
			Data map[string]string `json:"data"`
		} `json:"user_expressions"`
	}
	if reply.Decode(&in) != nil {
		return 0, false
	}
	messages, err := strconv.Atoi(in.Values[sentName].Data["text/plain"])
	return messages, err == nil
}
