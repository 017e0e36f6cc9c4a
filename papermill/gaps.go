package papermill

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// gaps finds messages that a kernel has sent and that never came. ZeroMQ drops silently what a socket can't take, but jupyter_client, and
// with it ipykernel and its relatives, and our own kernel, number their messages: SESSION_NUMBER or SESSION_PROCESS_NUMBER. Of kernels with
// other identifiers nothing can be told.
//
// jupyter_client numbers a message when it makes it, and some that ipykernel makes are never sent. So a gap is a loss only where messages are
// numbered when they are sent: by our own kernel, and by an ipykernel that launcher.py has started. Elsewhere it is a suspicion.
type gaps map[string]*sequence // by what stands before the number

type sequence struct {
	sure    bool   // what is missing was sent
	next    uint64 // all that is lower has come, or is missing
	missing []span // ascending
	lost    int    // how many these are
	came    int    // since somebody asked for suspicions
}

// span is the numbers from first to before end: those of a leap are not kept one by one, since other identifiers may end in numbers, too.
type span struct{ first, end uint64 }

// wideGap is a leap in the numbers that no loss explains.
const wideGap = 1 << 24

// sent is what identifiers have before their number if they are given when messages are sent; launcher.py has it too.
const sent = "_sent"

// ownSession is a session of internal/jupyter. Those of jupyter_client have hyphens.
var ownSession = regexp.MustCompile(`^[0-9a-f]{32}$`)

// begin takes in the identifiers of what came before anybody counted; what is missing among it nobody waits for.
func (g gaps) begin(ids []string) {
	for _, id := range ids {
		g.take(id)
	}
	for _, s := range g {
		s.forget()
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
	case s == nil:
		s = &sequence{sure: strings.HasSuffix(id[:at], sent) || ownSession.MatchString(id[:at]), next: n + 1}
		g[id[:at]] = s
	case n < s.next:
		s.fill(n)
	case n > s.next+wideGap:
		s.forget()
		s.next = n + 1
	default:
		if n > s.next {
			s.missing = append(s.missing, span{s.next, n})
			s.lost += int(n - s.next)
		}
		s.next = n + 1
	}
	s.came++
}

// fill notes that a message has come after its successors, if it has not come before.
func (s *sequence) fill(n uint64) {
	i := sort.Search(len(s.missing), func(i int) bool { return n < s.missing[i].end })
	if i == len(s.missing) || n < s.missing[i].first {
		return
	}
	var rest []span
	for _, part := range []span{{s.missing[i].first, n}, {n + 1, s.missing[i].end}} {
		if part.first < part.end {
			rest = append(rest, part)
		}
	}
	s.missing = slices.Replace(s.missing, i, i+1, rest...)
	s.lost--
}

func (s *sequence) forget() { s.missing, s.lost, s.came = nil, 0, 0 }

// missing is how many messages are, for sure.
func (g gaps) missing() (n int) {
	for _, s := range g {
		if s.sure {
			n += s.lost
		}
	}
	return n
}

// lost is the error of a cell that has run, and of whose outputs some are missing, or may be.
type lost string

func (e lost) Error() string { return string(e) }

// err is the error of a cell whose outputs may be incomplete; it is said once.
func (g gaps) err() error {
	n := g.missing()
	if n == 0 {
		return nil
	}
	for _, s := range g {
		if s.sure {
			s.forget()
		}
	}
	return lost(fmt.Sprintf("outputs are missing: %d of the messages that the kernel sent did not arrive", n))
}

// suspicion is how many messages may be missing, of how many, since it was asked before, of those that are numbered when they are made.
// numbered: there were others, or none.
func (g gaps) suspicion() (missing, of int, numbered bool) {
	for _, s := range g {
		if !s.sure {
			missing += s.lost
			of += s.lost + s.came
			s.forget()
		}
	}
	return missing, of, len(g) > 0
}

// doubt is the error of a cell of whose outputs some may have been dropped, since too much was on its way at once.
func (g gaps) doubt(tooMuch string) error {
	missing, of, numbered := g.suspicion()
	switch {
	case tooMuch == "" || numbered && missing == 0:
		return nil
	case numbered:
		return lost(fmt.Sprintf("outputs may be missing: of %d messages that the kernel numbered %d did not arrive; it also numbers some that it never sends, but %s or more were on their way at once, and it may have dropped some", of, missing, tooMuch))
	}
	return lost(fmt.Sprintf("outputs may be missing: %s or more were on their way at once, of which this kernel may have dropped some, and it does not number them", tooMuch))
}
