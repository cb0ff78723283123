// Load for quorumlog: so many writes or linearizable reads outstanding at a time, for some seconds.
//
// It prints one line of JSON: how many operations were answered, in how many seconds, and the latencies in
// microseconds below which half and 99 percent of them stayed. The application is that of bench/key_values.py.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"
)

const (
	group       = "a"
	keys        = 1000
	perFrame    = 4096
	window      = 1 << 16 // operations between the oldest that is not answered and the latest
	dialTimeout = 10 * time.Second
)

var (
	endpoints   = flag.String("endpoints", "", "addresses of the servers, with commas between")
	operation   = flag.String("operation", "write", "write or read")
	outstanding = flag.Int("outstanding", 1, "operations that wait for an answer at a time")
	seconds     = flag.Float64("seconds", 5, "how long")
	size        = flag.Int("size", 100, "bytes of a value")
)

type found struct {
	Operations int     `json:"operations"`
	Seconds    float64 `json:"seconds"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
}

func main() {
	flag.Parse()
	leader, err := findLeader(strings.Split(*endpoints, ","))
	if err == nil {
		err = load(leader)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quorumlog_load:", err)
		os.Exit(1)
	}
}

// A server tells a client that greets it whether it leads.
func findLeader(addresses []string) (*connection, error) {
	for until := time.Now().Add(dialTimeout); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		for _, address := range addresses {
			if c, err := open(address); err == nil {
				if leads, err := greet(c); err == nil && leads {
					return c, nil
				}
				c.socket.Close()
			}
		}
	}
	return nil, fmt.Errorf("none of %v leads", addresses)
}

func greet(c *connection) (bool, error) {
	if err := c.send(appendString(appendArray(begun(hello), 1), group)); err != nil {
		return false, err
	}
	kind, message, err := c.take()
	if err != nil || kind != welcome {
		return false, err
	}
	message.array()
	message.text()
	return message.truth(), message.err
}

// Asks for operations, one number after another, and takes their answers.
type asker struct {
	*connection
	isRead   bool
	session  string
	commands [][]byte
	last     uint64 // the latest that was asked for
	received uint64 // all up to this one are answered
	calls    uint64
	asked    [window]time.Time   // zero where there is an answer
	reads    map[uint64][]uint64 // the operations of each call
}

func newAsker(c *connection, isRead bool) *asker {
	session := fmt.Sprintf("load-%d-%d", os.Getpid(), time.Now().UnixNano())
	a := &asker{connection: c, isRead: isRead, session: session, reads: map[uint64][]uint64{}}
	value := strings.Repeat("x", *size)
	for key := 0; key < keys; key++ {
		name := fmt.Sprintf("key%d", key)
		if isRead {
			a.commands = append(a.commands, appendString(appendString(appendArray(nil, 2), "Get"), name))
		} else {
			put := appendString(appendString(appendArray(nil, 3), "Put"), name)
			a.commands = append(a.commands, appendString(put, value))
		}
	}
	return a
}

// ask sends so many more operations.
func (a *asker) ask(count int, now time.Time) error {
	for ; count > perFrame; count -= perFrame {
		if err := a.ask(perFrame, now); err != nil {
			return err
		}
	}
	if a.last+uint64(count)-a.received > window {
		return fmt.Errorf("operation %d is not answered, and many after it are", a.received+1)
	}
	var frame []byte
	var numbers []uint64
	if a.isRead {
		a.calls++
		frame = appendArray(appendNumber(appendArray(begun(read), 2), a.calls), count)
	} else {
		frame = appendArray(begun(requests), count)
	}
	for ; count > 0; count-- {
		a.last++
		a.asked[a.last%window] = now
		if a.isRead {
			numbers = append(numbers, a.last)
		} else {
			frame = appendString(appendArray(frame, 5), a.session)
			frame = appendNil(appendNumber(appendNumber(frame, a.last), a.received))
		}
		frame = append(frame, a.commands[a.last%keys]...)
	}
	if a.isRead {
		a.reads[a.calls] = numbers
	}
	return a.send(frame)
}

// answered takes one frame of answers, and gives the latencies of the operations.
func (a *asker) answered() ([]time.Duration, time.Time, error) {
	kind, message, err := a.take()
	now := time.Now()
	if err != nil {
		return nil, now, err
	}
	var numbers []uint64
	switch {
	case kind == answers && !a.isRead:
		numbers = writeAnswers(message)
	case kind == readAnswered && a.isRead:
		numbers = a.readAnswers(message)
	default:
		return nil, now, fmt.Errorf("expected answers, found a frame of kind %d", kind)
	}
	if message.err != nil {
		return nil, now, message.err
	}
	waited := make([]time.Duration, len(numbers))
	for i, number := range numbers {
		asked := &a.asked[number%window]
		if number <= a.received || number > a.last || asked.IsZero() {
			return nil, now, fmt.Errorf("an answer to operation %d, which waits for none", number)
		}
		waited[i] = now.Sub(*asked)
		*asked = time.Time{}
	}
	for a.received < a.last && a.asked[(a.received+1)%window].IsZero() {
		a.received++
	}
	return waited, now, nil
}

// writeAnswers are the numbers of those that were executed; all have to be.
func writeAnswers(m *message) []uint64 {
	numbers := make([]uint64, m.array())
	for i := range numbers {
		fields := m.array()
		m.text() // the session
		numbers[i] = m.number()
		m.number() // the number of events
		if m.truth() && m.err == nil {
			m.err = fmt.Errorf("operation %d was not executed", numbers[i])
		}
		m.text() // what the application said
		if fields > 5 {
			m.text() // why not
		}
	}
	return numbers
}

// readAnswers are the numbers of those of one call; there has to be a value for each of them.
func (a *asker) readAnswers(m *message) []uint64 {
	m.array()
	call := m.number()
	m.number() // the number of events
	numbers := a.reads[call]
	delete(a.reads, call)
	if values := m.array(); values != len(numbers) && m.err == nil {
		m.err = fmt.Errorf("expected %d values, found %d", len(numbers), values)
	}
	for range numbers {
		if !m.text() && m.err == nil {
			m.err = fmt.Errorf("a key has no value")
		}
	}
	return numbers
}

// run keeps so many operations outstanding as long as there are to be more, and waits for all answers.
func (a *asker) run(outstanding int, more func(time.Time) bool) ([]time.Duration, error) {
	var waited []time.Duration
	err := a.ask(outstanding, time.Now())
	for open := outstanding; open > 0 && err == nil; {
		var some []time.Duration
		var now time.Time
		if some, now, err = a.answered(); err != nil {
			break
		}
		waited = append(waited, some...)
		if more(now) {
			err = a.ask(len(some), now)
		} else {
			open -= len(some)
		}
	}
	return waited, err
}

func load(c *connection) error {
	fill := newAsker(c, false)
	if _, err := fill.run(keys, func(time.Time) bool { return false }); err != nil {
		return err
	}
	asker := newAsker(c, *operation == "read")
	begun := time.Now()
	until := begun.Add(time.Duration(*seconds * float64(time.Second)))
	waited, err := asker.run(*outstanding, func(now time.Time) bool { return now.Before(until) })
	if err != nil {
		return err
	}
	return report(waited, time.Since(begun).Seconds())
}

func report(waited []time.Duration, took float64) error {
	if len(waited) == 0 {
		return fmt.Errorf("nothing was answered")
	}
	sort.Slice(waited, func(i, j int) bool { return waited[i] < waited[j] })
	at := func(part float64) float64 {
		return float64(waited[int(part*float64(len(waited)-1))].Nanoseconds()) / 1e3
	}
	return json.NewEncoder(os.Stdout).Encode(found{len(waited), took, at(0.5), at(0.99)})
}
