// How quorumlog writes what clients ask and are told: frames, and MessagePack in them.

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// The kinds of frames that a client sends and takes; the server's side is runtime/wire.py.
const (
	hello        = 1
	requests     = 32
	answers      = 33
	read         = 34
	readAnswered = 35
	welcome      = 41
)

const (
	version = 1
	head    = 6 // bytes: the length of what follows, the version, the kind
	largest = 64 << 20
)

// A connection that sends whole frames, and takes them.
type connection struct {
	socket net.Conn
	from   *bufio.Reader
	body   []byte
}

func open(address string) (*connection, error) {
	socket, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return nil, err
	}
	return &connection{socket: socket, from: bufio.NewReaderSize(socket, 1<<18)}, nil
}

// begun is an empty frame; what is appended to it is its message.
func begun(kind byte) []byte {
	return append(make([]byte, 0, 4096), 0, 0, 0, 0, version, kind)
}

func (c *connection) send(frame []byte) error {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	_, err := c.socket.Write(frame)
	return err
}

// take waits for the next frame. Its message is that of the connection until the next one is taken.
func (c *connection) take() (byte, *message, error) {
	var start [head]byte
	if _, err := io.ReadFull(c.from, start[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(start[:])
	if size < 2 || size > largest || start[4] != version {
		return 0, nil, fmt.Errorf("expected a frame of version %d, found % x", version, start)
	}
	if int(size)-2 > cap(c.body) {
		c.body = make([]byte, size)
	}
	c.body = c.body[:size-2]
	_, err := io.ReadFull(c.from, c.body)
	return start[5], &message{rest: c.body}, err
}

// -- MessagePack, as much of it as there is in these frames ---------------------------------------------------

func appendArray(to []byte, size int) []byte {
	return append(to, 0xdc, byte(size>>8), byte(size))
}

func appendString(to []byte, text string) []byte {
	return append(append(to, 0xd9, byte(len(text))), text...)
}

func appendNumber(to []byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(to, 0xcf), number)
}

func appendNil(to []byte) []byte {
	return append(to, 0xc0)
}

// A message that is read from its beginning. What is not as expected is kept in err, and all that follows is zero.
type message struct {
	rest []byte
	err  error
}

func (m *message) next(size int) []byte {
	if m.err == nil && size > len(m.rest) {
		m.err = fmt.Errorf("a message ends too early")
	}
	if m.err != nil {
		return make([]byte, size)
	}
	found := m.rest[:size]
	m.rest = m.rest[size:]
	return found
}

func (m *message) unexpected(what string, kind byte) {
	if m.err == nil {
		m.err = fmt.Errorf("expected %s, found a value of kind %#x", what, kind)
	}
}

func (m *message) sized(bytes int) uint64 {
	var found uint64
	for _, each := range m.next(bytes) {
		found = found<<8 | uint64(each)
	}
	return found
}

func (m *message) array() int {
	switch kind := m.next(1)[0]; {
	case kind&0xf0 == 0x90:
		return int(kind & 0x0f)
	case kind == 0xdc:
		return int(m.sized(2))
	case kind == 0xdd:
		return int(m.sized(4))
	default:
		m.unexpected("an array", kind)
		return 0
	}
}

func (m *message) number() uint64 {
	switch kind := m.next(1)[0]; {
	case kind < 0x80:
		return uint64(kind)
	case kind >= 0xcc && kind <= 0xcf:
		return m.sized(1 << (kind - 0xcc))
	default:
		m.unexpected("a number", kind)
		return 0
	}
}

func (m *message) truth() bool {
	kind := m.next(1)[0]
	if kind != 0xc2 && kind != 0xc3 {
		m.unexpected("a truth value", kind)
	}
	return kind == 0xc3
}

// text passes over a text, or over nothing in its place; whether there was one.
func (m *message) text() bool {
	switch kind := m.next(1)[0]; {
	case kind == 0xc0:
		return false
	case kind&0xe0 == 0xa0:
		m.next(int(kind & 0x1f))
	case kind >= 0xd9 && kind <= 0xdb:
		m.next(int(m.sized(1 << (kind - 0xd9))))
	default:
		m.unexpected("a text", kind)
	}
	return true
}
