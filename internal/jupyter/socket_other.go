//go:build !linux

package jupyter

import (
	"io"
	"net"
)

func newSocketReader(c net.Conn) io.Reader { return c }
