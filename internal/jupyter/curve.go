package jupyter

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-zeromq/zmq4"
	"golang.org/x/crypto/nacl/box"

	"github.com/cellar-go/cellar/internal/fault"
)

var errCurve = errors.New("cellar: CURVE handshake: the peer does not have the connection's key, or speaks something else")

// keys are a kernel's long-term pair. Clients need the public one; to the kernel they are whoever knows it.
type keys struct{ public, secret [32]byte }

// keys reads the pair of a connection; nil: it is not encrypted.
func (c *Connection) keys() (*keys, error) {
	if c.CurvePublic == "" && c.CurveSecret == "" {
		return nil, nil
	}
	k := &keys{}
	for _, key := range []struct {
		name, text string
		to         *[32]byte
	}{{"curve_publickey", c.CurvePublic, &k.public}, {"curve_secretkey", c.CurveSecret, &k.secret}} {
		raw, ok := z85(key.text)
		if !ok || len(raw) != 32 {
			return nil, fault.New(fault.Input, halfWritten, "connection file: %s is not a key of 40 characters", key.name)
		}
		copy(key.to[:], raw)
	}
	return k, nil
}

// z85 decodes ZeroMQ's text of binary data, https://rfc.zeromq.org/spec/32/.
func z85(text string) (raw []byte, ok bool) {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
	if len(text)%5 != 0 {
		return nil, false
	}
	for ; text != ""; text = text[5:] {
		var n uint64
		for i := range 5 {
			digit := bytes.IndexByte([]byte(digits), text[i])
			if digit < 0 {
				return nil, false
			}
			n = n*85 + uint64(digit)
		}
		if n > 1<<32-1 {
			return nil, false
		}
		raw = binary.BigEndian.AppendUint32(raw, uint32(n))
	}
	return raw, true
}

// curve is ZMTP's CURVE mechanism on one connection, https://rfc.zeromq.org/spec/26/: every frame goes in a NaCl box, under keys that
// are made for the connection. Its names are the RFC's: C and S are the peers' keys, C' and S' those of the connection.
type curve struct {
	plain // zmq4 writes only what is before the boxes
	keys  *keys

	shared         [32]byte // of C' and S'
	sent, received uint64   // the numbers in the last nonces
	out, in        string   // how nonces of messages begin
}

func (*curve) Type() zmq4.SecurityType { return zmq4.CurveSecurity }

const (
	fromClient = "CurveZMQMESSAGEC"
	fromServer = "CurveZMQMESSAGES"
	cookieSize = 96
)

// Handshake is part of zmq4's Security.
func (c *curve) Handshake(conn *zmq4.Conn, server bool) error {
	metadata, err := conn.Meta.MarshalZMTP()
	if err != nil {
		return err
	}
	if server {
		c.out, c.in = fromServer, fromClient
		metadata, err = c.serve(conn, metadata)
	} else {
		c.out, c.in = fromClient, fromServer
		metadata, err = c.dial(conn, metadata)
	}
	if err != nil {
		return err
	}
	return conn.Peer.Meta.UnmarshalZMTP(metadata)
}

// serve is the kernel's side. The cookie, by which a server can forget the connection meanwhile, is only compared: it remembers.
func (c *curve) serve(conn *zmq4.Conn, metadata []byte) (theirs []byte, err error) {
	hello, err := receiveCommand(conn, "HELLO", 2+72+32+8+80)
	if err != nil {
		return nil, err
	}
	clientT := [32]byte(hello[74:106]) // C'
	if !c.fresh(hello[106:114]) {
		return nil, errCurve
	}
	if _, ok := box.Open(nil, hello[114:], nonce("CurveZMQHELLO---", hello[106:114]), &clientT, &c.keys.secret); !ok || hello[0] != 1 {
		return nil, errCurve
	}
	public, secret, err := box.GenerateKey(rand.Reader) // S', s'
	if err != nil {
		return nil, err
	}
	welcome := random(16 + cookieSize)
	long, cookie := welcome[:16:16], welcome[16:]
	sealed := box.Seal(long, append(public[:], cookie...), nonce("WELCOME-", long), &clientT, &c.keys.secret)
	if err := conn.SendCmd("WELCOME", sealed); err != nil {
		return nil, err
	}

	initiate, err := receiveCommand(conn, "INITIATE", cookieSize+8+box.Overhead+128)
	if err != nil {
		return nil, err
	}
	box.Precompute(&c.shared, &clientT, secret)
	short := initiate[cookieSize : cookieSize+8]
	text, ok := box.OpenAfterPrecomputation(nil, initiate[cookieSize+8:], nonce("CurveZMQINITIATE", short), &c.shared)
	if !ok || len(text) < 128 || !c.fresh(short) || subtle.ConstantTimeCompare(cookie, initiate[:cookieSize]) != 1 {
		return nil, errCurve
	}
	client := [32]byte(text[:32]) // C
	vouch, ok := box.Open(nil, text[48:128], nonce("VOUCH---", text[32:48]), &client, secret)
	if !ok || !bytes.Equal(vouch, append(clientT[:], c.keys.public[:]...)) {
		return nil, errCurve
	}
	short = c.next()
	return text[128:], conn.SendCmd("READY", box.SealAfterPrecomputation(short, metadata, nonce("CurveZMQREADY---", short), &c.shared))
}

// dial is the client's side, with a pair of its own.
func (c *curve) dial(conn *zmq4.Conn, metadata []byte) (theirs []byte, err error) {
	client, clientSecret, err := box.GenerateKey(rand.Reader) // C, c
	if err != nil {
		return nil, err
	}
	public, secret, err := box.GenerateKey(rand.Reader) // C', c'
	if err != nil {
		return nil, err
	}
	short := c.next()
	hello := make([]byte, 2+72, 2+72+32+8+80)
	hello[0] = 1 // the version, 1.0
	hello = append(append(hello, public[:]...), short...)
	if err := conn.SendCmd("HELLO", box.Seal(hello, make([]byte, 64), nonce("CurveZMQHELLO---", short), &c.keys.public, secret)); err != nil {
		return nil, err
	}
	welcome, err := receiveCommand(conn, "WELCOME", 16+32+cookieSize+box.Overhead)
	if err != nil {
		return nil, err
	}
	text, ok := box.Open(nil, welcome[16:], nonce("WELCOME-", welcome[:16]), &c.keys.public, secret)
	if !ok || len(text) != 32+cookieSize {
		return nil, errCurve
	}
	server, cookie := [32]byte(text[:32]), text[32:] // S'
	box.Precompute(&c.shared, &server, secret)

	long := random(16)
	text = append(append(client[:], long...), box.Seal(nil, append(public[:], c.keys.public[:]...), nonce("VOUCH---", long), &server, clientSecret)...)
	short = c.next()
	initiate := append(append([]byte{}, cookie...), short...)
	sealed := box.SealAfterPrecomputation(initiate, append(text, metadata...), nonce("CurveZMQINITIATE", short), &c.shared)
	if err := conn.SendCmd("INITIATE", sealed); err != nil {
		return nil, err
	}
	ready, err := receiveCommand(conn, "READY", 8+box.Overhead)
	if err != nil {
		return nil, err
	}
	text, ok = box.OpenAfterPrecomputation(nil, ready[8:], nonce("CurveZMQREADY---", ready[:8]), &c.shared)
	if !ok || !c.fresh(ready[:8]) {
		return nil, errCurve
	}
	return text, nil
}

var messageCommand = []byte("\x07MESSAGE")

// seal makes a frame of a frame; its flags go inside.
func (c *curve) seal(body []byte, flags byte) []byte {
	text := make([]byte, 1, 1+len(body))
	text[0] = flags & flagMore
	if flags&flagCommand != 0 {
		text[0] |= 2
	}
	short := c.next()
	sealed := make([]byte, 0, len(messageCommand)+len(short)+box.Overhead+1+len(body))
	sealed = append(append(sealed, messageCommand...), short...)
	return box.SealAfterPrecomputation(sealed, append(text, body...), nonce(c.out, short), &c.shared)
}

// unseal is its opposite. A frame that is sent again, or that is left out and sent later, is refused.
func (c *curve) unseal(sealed []byte) (body []byte, flags byte, err error) {
	rest, ok := bytes.CutPrefix(sealed, messageCommand)
	if !ok || len(rest) < 8+box.Overhead+1 {
		return nil, 0, errCurve
	}
	text, ok := box.OpenAfterPrecomputation(nil, rest[8:], nonce(c.in, rest[:8]), &c.shared)
	if !ok || !c.fresh(rest[:8]) {
		return nil, 0, errCurve
	}
	flags = text[0] & flagMore
	if text[0]&2 != 0 {
		flags |= flagCommand
	}
	return text[1:], flags, nil
}

// next is the number in the nonce that is ours to use.
func (c *curve) next() []byte {
	c.sent++
	return binary.BigEndian.AppendUint64(nil, c.sent)
}

// fresh reports whether a number of the peer is higher than all before it.
func (c *curve) fresh(short []byte) bool {
	n := binary.BigEndian.Uint64(short)
	higher := n > c.received
	c.received = max(n, c.received)
	return higher
}

// nonce joins the two parts of one; together they have 24 bytes.
func nonce(prefix string, number []byte) *[24]byte {
	var n [24]byte
	copy(n[copy(n[:], prefix):], number)
	return &n
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// receiveCommand reads a command of the handshake whose body has at least, and before INITIATE exactly, that many bytes.
func receiveCommand(conn *zmq4.Conn, name string, size int) ([]byte, error) {
	frames, command, err := readMessage(conn, maxHandshake, nil, nil)
	if err != nil {
		return nil, err
	}
	body, ok := cutCommand(frames, name)
	if !command || !ok || len(body) < size {
		if reason, failed := cutCommand(frames, "ERROR"); failed && len(reason) > 0 {
			return nil, fmt.Errorf("cellar: CURVE handshake: the peer says %q", reason[1:])
		}
		return nil, errCurve
	}
	return body, nil
}
