package jupyter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cellar-go/cellar/internal/fault"
)

const schemeSHA256 = "hmac-sha256"

// Channel is one of the sockets between a kernel and its clients.
type Channel string

const (
	Shell     Channel = "shell"
	Control   Channel = "control"
	IOPub     Channel = "iopub"
	Stdin     Channel = "stdin"
	Heartbeat Channel = "hb"
)

// Connection says where a kernel's channels are; see "Connection files" in the specification of kernels.
type Connection struct {
	Transport       string `json:"transport,omitempty"` // tcp (also when empty) or ipc
	IP              string `json:"ip"`                  // address; for ipc the path before "-<port>"
	Key             string `json:"key"`
	SignatureScheme string `json:"signature_scheme,omitempty"`
	ShellPort       int    `json:"shell_port"`
	ControlPort     int    `json:"control_port"`
	IOPubPort       int    `json:"iopub_port"`
	StdinPort       int    `json:"stdin_port"`
	HeartbeatPort   int    `json:"hb_port"`
	KernelName      string `json:"kernel_name,omitempty"`
	CurvePublic     string `json:"curve_publickey,omitempty"` // the kernel's keys, in Z85; without them nothing is encrypted
	CurveSecret     string `json:"curve_secretkey,omitempty"`
}

// NewConnection makes a connection with a fresh key, on loopback ports that were free just now.
func NewConnection() (Connection, error) {
	c := Connection{Transport: "tcp", IP: "127.0.0.1", Key: randomHex(32), SignatureScheme: schemeSHA256}
	// All five are held until the last is found, so that they differ.
	for _, port := range []*int{&c.ShellPort, &c.ControlPort, &c.IOPubPort, &c.StdinPort, &c.HeartbeatPort} {
		l, err := listenSomewhere()
		if err != nil {
			return c, fmt.Errorf("cellar: find a free port: %w", err)
		}
		defer l.Close()
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return c, nil
}

// listenSomewhere takes a port below those that Linux gives to outgoing connections, so that none of these takes it before the kernel does.
func listenSomewhere() (net.Listener, error) {
	const lowest = 10_000
	text, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	var end int
	fmt.Sscan(string(text), &end)
	for range 100 {
		if end < 2*lowest {
			break
		}
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(end-lowest)))); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

const halfWritten = "it may be half written; start the kernel again"

// ReadConnection reads a connection file.
func ReadConnection(path string) (Connection, error) {
	var c Connection
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fault.New(fault.Input, "start the kernel from Jupyter or with `cellar run`, which write the file", "no connection file %s", path)
	}
	if err != nil {
		return c, fault.New(fault.Input, "", "connection file: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fault.New(fault.Input, halfWritten, "connection file %s is not valid JSON: %w", path, err)
	}
	var given map[string]json.RawMessage
	if json.Unmarshal(b, &given); given["key"] == nil {
		return c, fault.New(fault.Input, `an empty "key" runs the kernel for everybody who reaches its ports`, "connection file %s has no key", path)
	}
	if c.Transport != "" && c.Transport != "tcp" && c.Transport != "ipc" {
		return c, fault.New(fault.Input, "use tcp or ipc", "connection file %s: transport %q is not supported", path, c.Transport)
	}
	if c.IP == "" {
		return c, fault.New(fault.Input, halfWritten, "connection file %s names no ip", path)
	}
	for _, ch := range []Channel{Shell, Control, IOPub, Stdin, Heartbeat} {
		if p := *c.port(ch); p < 1 || p > 65535 {
			return c, fault.New(fault.Input, halfWritten, "connection file %s: %s_port is %d", path, ch, p)
		}
	}
	if _, err := c.keys(); err != nil {
		return c, err
	}
	if _, err := newSigner(c); err != nil {
		return c, err
	}
	return c, nil
}

// Write writes a connection file, readable by its owner only, at once or not at all.
func (c Connection) Write(path string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".connection-*") // 0600
	if err != nil {
		return fault.New(fault.Storage, "choose a folder that can be written", "write connection file: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fault.New(fault.Storage, "", "write connection file: %w", err)
	}
	return nil
}

func (c *Connection) port(ch Channel) *int {
	switch ch {
	case Shell:
		return &c.ShellPort
	case Control:
		return &c.ControlPort
	case IOPub:
		return &c.IOPubPort
	case Stdin:
		return &c.StdinPort
	}
	return &c.HeartbeatPort
}

// endpoint is the channel's address as package net takes it.
func (c *Connection) endpoint(ch Channel) (network, address string) {
	port := strconv.Itoa(*c.port(ch))
	if c.Transport == "ipc" {
		return "unix", c.IP + "-" + port
	}
	host := c.IP
	if host == "*" {
		host = ""
	}
	return "tcp", net.JoinHostPort(host, port)
}
