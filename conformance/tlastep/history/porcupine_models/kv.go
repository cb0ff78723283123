package main

import "strings"

func init() { models["kv"] = kv{} }

// One key, for keys are apart. Texts stay as JSON writes them, without the quotes: joined, they are the joined text.
type kv struct{}

func (kv) prepare(operations []operation) error {
	for index := range operations {
		op := &operations[index]
		text := string(op.Argument)
		if op.F == "get" {
			text = string(op.Answer)
		}
		if text == "null" {
			text = `""`
		}
		if strings.HasPrefix(text, `"`) {
			op.parsed = text[1 : len(text)-1]
		}
	}
	return nil
}

func (kv) start() any { return "" }

func (kv) partition() bool { return true }

func (kv) step(state any, op *operation) (bool, any) {
	switch op.F {
	case "get":
		return op.parsed == state, state // an answer that is no text is nil, and no state
	case "put":
		return true, op.parsed
	}
	return true, state.(string) + op.parsed.(string)
}

func (kv) waits(open, other *operation) bool { return other.F == "put" }
