// Package gonb is the kernel's end of the pipes on which GoNB's packages gonbui/… talk to theirs, so that notebooks which import them show
// what they show.
//
// Messages are gob, as github.com/janpfeifer/gonb/gonbui/protocol declares them. It knows no session and no Jupyter: what comes is handed
// over as display.Bundle, questions are asked by the caller. Start reading at Listen.
package gonb
