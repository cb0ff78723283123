// Checks a history with porcupine: a request in JSON on standard input, the verdict in JSON on standard output.
//
// Models stand in files of their own and register themselves, so that a model brings its file with it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// An operation as the request has it. An open one has returned 0: it may happen at any time after it was invoked, or
// never. Heard says whether its answer is known.
type operation struct {
	Invoked  int64           `json:"invoked"`
	Returned int64           `json:"returned"`
	Heard    bool            `json:"heard"`
	F        string          `json:"f"`
	Key      string          `json:"key"`
	Argument json.RawMessage `json:"argument"`
	Answer   json.RawMessage `json:"answer"`
	parsed   any             // what the model makes of it
}

type request struct {
	Model      string      `json:"model"`
	Timeout    float64     `json:"timeout"` // seconds; 0 means none
	Place      float64     `json:"place"`   // seconds, at most, for finding the line of a violation; 0 means any
	Operations []operation `json:"operations"`
	Room       uint64      `json:"room"` // bytes
}

type verdict struct {
	Result string `json:"result"`
	Stuck  int64  `json:"stuck"` // the line of the earliest answer that no order reaches; 0 if it is not known
}

// A model is a sequential object. States are compared by ==.
type model interface {
	prepare(operations []operation) error
	start() any
	// step gives the state after an operation. Of one that nobody has heard the answer of, it gives the state after
	// its effect.
	step(state any, op *operation) (bool, any)
	// waits says whether an open operation may as well happen right after another one as right before it, or is of no
	// use before it. Then it need not happen there.
	waits(open, other *operation) bool
	partition() bool // whether operations on different keys know nothing of each other
}

var models = map[string]model{}

// What porcupine explores: the object, how many operations that have to happen have happened, and the open operation
// that has just happened, if one has.
type point struct {
	state any
	done  int
	open  *operation
}

type input struct {
	op    *operation
	total int // how many operations of its partition have to happen
}

func asPorcupine(m model) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return point{state: m.start()} },
		Step: func(state, in, _ any) (bool, any) {
			at, next := state.(point), in.(input)
			open := next.op.Returned == 0
			if open && at.done == next.total {
				return true, at // it never happens, and nothing is left that could tell
			}
			// Of two open operations that may change places, the one that was invoked first comes first.
			if at.open != nil && (!open || at.open.Invoked > next.op.Invoked) && m.waits(at.open, next.op) {
				return false, at
			}
			possible, after := m.step(at.state, next.op)
			if !possible {
				return false, at
			}
			if open {
				return true, point{after, at.done, next.op}
			}
			return true, point{after, at.done + 1, nil}
		},
		Equal: func(one, two any) bool { return one.(point) == two.(point) },
	}
}

// keys gives the history to check, for each key where keys are apart: what happened up to a line. What had not
// returned by then is open, with the answer that it got later.
func keys(m model, operations []operation, last int64) [][]porcupine.Operation {
	groups := map[string][]*operation{}
	for index := range operations {
		op := operations[index]
		if op.Invoked > last {
			continue
		}
		if op.Returned > last {
			op.Returned = 0
		}
		key := ""
		if m.partition() {
			key = op.Key
		}
		groups[key] = append(groups[key], &op)
	}
	var found [][]porcupine.Operation
	for _, group := range groups {
		found = append(found, history(group, last))
	}
	return found
}

func history(group []*operation, last int64) []porcupine.Operation {
	total := 0
	for _, op := range group {
		if op.Returned != 0 {
			total++
		}
	}
	var found []porcupine.Operation
	for client, op := range group {
		returned := op.Returned
		if returned == 0 {
			returned = last + 1
		}
		found = append(found, porcupine.Operation{
			ClientId: client, Input: input{op, total}, Call: op.Invoked, Return: returned,
		})
	}
	return found
}

// check looks at all keys at once: one without an order is enough, however long others take.
func check(m model, operations []operation, last int64, deadline time.Time) porcupine.CheckResult {
	var left time.Duration
	if !deadline.IsZero() {
		left = time.Until(deadline)
		if left <= 0 {
			return porcupine.Unknown
		}
	}
	apart := asPorcupine(m)
	apart.Partition = func([]porcupine.Operation) [][]porcupine.Operation { return keys(m, operations, last) }
	return porcupine.CheckOperationsTimeout(apart, nil, left)
}

// stuck halves the lines until one is left: the history up to it has no order, and that before it has one. It gives 0
// if the deadline has come before.
func stuck(m model, operations []operation, last int64, deadline time.Time) int64 {
	good, bad := int64(0), last
	for good+1 < bad {
		middle := (good + bad) / 2
		switch check(m, operations, middle, deadline) {
		case porcupine.Ok:
			good = middle
		case porcupine.Illegal:
			bad = middle
		default:
			return 0
		}
	}
	return bad
}

// after gives the time after so many seconds, or none.
func after(seconds float64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(seconds * float64(time.Second)))
}

func judge(asked request) (verdict, error) {
	m := models[asked.Model]
	if m == nil {
		return verdict{}, fmt.Errorf("no model %s", asked.Model)
	}
	if err := m.prepare(asked.Operations); err != nil {
		return verdict{}, err
	}
	deadline := after(asked.Timeout)
	last := int64(0)
	for _, op := range asked.Operations {
		last = max(last, op.Invoked, op.Returned)
	}
	switch check(m, asked.Operations, last, deadline) {
	case porcupine.Ok:
		return verdict{Result: "ok"}, nil
	case porcupine.Illegal:
		place := after(asked.Place)
		if place.IsZero() || !deadline.IsZero() && deadline.Before(place) {
			place = deadline
		}
		return verdict{Result: "violation", Stuck: stuck(m, asked.Operations, last, place)}, nil
	}
	return verdict{Result: "unknown"}, nil
}

var watching sync.Once

// watch ends the program when it holds more than so many bytes: what porcupine remembers of a history may grow until the
// whole machine has no room left.
func watch(room uint64) {
	for range time.Tick(100 * time.Millisecond) {
		var held runtime.MemStats
		runtime.ReadMemStats(&held)
		if held.HeapAlloc > room {
			fmt.Fprintf(os.Stderr, "it would take more than %d MB\n", room>>20)
			os.Exit(1)
		}
	}
}

// Each line of standard input is a request, and is answered by a line.
func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for in.More() {
		var asked request
		err := in.Decode(&asked)
		var found verdict
		if err == nil {
			watching.Do(func() { go watch(asked.Room) })
			found, err = judge(asked)
		}
		if err == nil {
			err = out.Encode(found)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
