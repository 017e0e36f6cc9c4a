//go:build !linux

package jupyter

import (
	"io"
	"net"
)

func newSocketReader(c net.Conn) io.Reader { return c }

func newSocketWriter(c net.Conn) io.Writer { return c }

func lowWater(net.Conn, int) {}
