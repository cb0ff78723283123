package main

import "encoding/json"

func init() { models["register"] = register{} }

// One register. Its state is the value as JSON, in which equal values have equal texts.
type register struct{}

func (register) prepare(operations []operation) error {
	for index := range operations {
		op := &operations[index]
		if op.F != "cas" {
			op.parsed = []string{string(op.Argument)}
			continue
		}
		var pair []json.RawMessage
		if err := json.Unmarshal(op.Argument, &pair); err != nil {
			return err
		}
		op.parsed = []string{string(pair[0]), string(pair[1])}
	}
	return nil
}

func (register) start() any { return "null" }

func (register) partition() bool { return false }

func (register) step(state any, op *operation) (bool, any) {
	values := op.parsed.([]string)
	answer := string(op.Answer)
	switch {
	case op.F == "read":
		return answer == state, state
	case op.F == "write":
		return true, values[0]
	case op.Heard && answer == "false":
		return state != values[0], state
	case op.Heard && answer != "true":
		return false, state
	}
	return state == values[0], values[1]
}

// A write that another one follows at once might as well never happen.
func (register) waits(open, other *operation) bool { return other.F == "write" }
