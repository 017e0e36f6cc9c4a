package papermill

import (
	"fmt"
	"strconv"
	"strings"
)

// gaps finds messages that a kernel has sent and that never came. ZeroMQ drops silently what a socket can't take, but jupyter_client, and
// with it ipykernel and its relatives, and our own kernel, number their messages: SESSION_NUMBER or SESSION_PROCESS_NUMBER. Of kernels with
// other identifiers nothing can be told.
type gaps map[string]*sequence // by what stands before the number

type sequence struct {
	next    uint64 // all that is lower has come, or is missing
	missing map[uint64]bool
}

// wideGap is a leap in the numbers that no loss explains.
const wideGap = 1 << 24

// begin takes in the identifiers of what came before anybody counted; what is missing among it nobody waits for.
func (g gaps) begin(ids []string) {
	for _, id := range ids {
		g.take(id)
	}
	for _, s := range g {
		clear(s.missing)
	}
}

// take takes in the identifier of a message that has come.
func (g gaps) take(id string) {
	at := strings.LastIndexByte(id, '_')
	if at <= 0 {
		return
	}
	n, err := strconv.ParseUint(id[at+1:], 10, 63)
	if err != nil {
		return
	}
	s := g[id[:at]]
	switch {
	case s == nil || n > s.next+wideGap:
		g[id[:at]] = &sequence{next: n + 1, missing: map[uint64]bool{}}
	case n < s.next:
		delete(s.missing, n)
	default:
		for ; s.next < n; s.next++ {
			s.missing[s.next] = true
		}
		s.next++
	}
}

// missing is how many messages are.
func (g gaps) missing() (n int) {
	for _, s := range g {
		n += len(s.missing)
	}
	return n
}

// err is the error of a cell whose outputs may be incomplete.
func (g gaps) err() error {
	n := g.missing()
	if n == 0 {
		return nil
	}
	g.begin(nil) // said once
	return fmt.Errorf("%d of the messages that the kernel sent did not arrive: outputs may be among them", n)
}
