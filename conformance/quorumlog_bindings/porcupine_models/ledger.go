package main

import (
	"encoding/json"
	"fmt"
	"sync"
)

func init() { models["ledger"] = &ledger{} }

const (
	exchange  = "exchange" // the account that makes good what exchanges bring more or less
	unlimited = int64(-1)  // instead of a number, where there is no most
)

// A ledger. What an exchange has brought that nobody has heard the answer of is not known: the state says, of each set
// of the accounts that it may have gone to, the least and the most that they can have got together. Sets are bits.
type ledger struct {
	account  map[string]int
	bit      map[int]int // account → its bit in sets, if it is unsure
	together bool        // whether sets of several accounts are looked at
	sets     []int
	mutex    sync.Mutex
	known    map[string]*books
}

type books struct {
	held, least, most []int64
}

type entry struct {
	from, to int
	amount   int64
	said     string // "yes", "no", "unknown", or "" where no ledger answers so
	n        int64
}

type argument struct {
	Account, From, To *string
	Amount            int64
}

func (l *ledger) number(name *string) int {
	if name == nil {
		return -1
	}
	if _, ok := l.account[*name]; !ok {
		l.account[*name] = len(l.account)
	}
	return l.account[*name]
}

func (l *ledger) prepare(operations []operation) error {
	l.account, l.bit, l.together = map[string]int{exchange: 0}, map[int]int{}, false
	for index := range operations {
		op := &operations[index]
		var asked argument
		if err := json.Unmarshal(op.Argument, &asked); err != nil {
			return err
		}
		e := entry{from: l.number(asked.From), to: l.number(asked.To), amount: asked.Amount}
		if asked.Account != nil {
			e.from = l.number(asked.Account)
		}
		l.together = l.together || e.from == 0 || e.to == 0
		e.said, e.n = said(op)
		if op.F == exchange && !op.Heard && e.to != 0 {
			if _, ok := l.bit[e.to]; !ok {
				l.bit[e.to] = len(l.bit)
			}
		}
		op.parsed = e
	}
	if len(l.bit) > 16 && l.together {
		return fmt.Errorf("too many accounts with unknown amounts: %d", len(l.bit))
	}
	l.sets = []int{0}
	if l.together {
		for set := 1; set < 1<<len(l.bit); set++ {
			l.sets = append(l.sets, set)
		}
	} else {
		for bit := 0; bit < len(l.bit); bit++ {
			l.sets = append(l.sets, 1<<bit)
		}
	}
	return nil
}

// said reads an answer.
func said(op *operation) (string, int64) {
	if !op.Heard {
		return "unknown", 0
	}
	var truth bool
	var number int64
	var brought struct{ Received *int64 }
	switch {
	case op.F == "balance" || op.F == "total":
		if string(op.Answer) != "null" && json.Unmarshal(op.Answer, &number) == nil {
			return "yes", number
		}
	case json.Unmarshal(op.Answer, &truth) == nil && string(op.Answer) != "null":
		if !truth && op.F != "deposit" {
			return "no", 0
		}
		if truth && op.F != exchange {
			return "yes", 0
		}
	case op.F == exchange:
		if json.Unmarshal(op.Answer, &brought) == nil && brought.Received != nil {
			return "yes", *brought.Received
		}
	}
	return "", 0
}

func (l *ledger) partition() bool { return false }

func (l *ledger) start() any {
	l.mutex.Lock()
	l.known = map[string]*books{}
	l.mutex.Unlock()
	size := len(l.sets)
	return l.intern(&books{make([]int64, len(l.account)), make([]int64, size), make([]int64, size)})
}

// intern gives the one object for equal books, so that states can be compared by ==.
func (l *ledger) intern(b *books) *books {
	key := fmt.Sprint(b.held, b.least, b.most)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if found, ok := l.known[key]; ok {
		return found
	}
	l.known[key] = b
	return b
}

func copied(b *books) *books {
	return &books{
		append([]int64(nil), b.held...), append([]int64(nil), b.least...), append([]int64(nil), b.most...),
	}
}

// at gives the place of a set, or -1 if it is not looked at.
func (l *ledger) at(set int) int {
	if l.together {
		return set
	}
	for index, each := range l.sets {
		if each == set {
			return index
		}
	}
	return -1
}

func plus(m, n int64) int64 {
	if m == unlimited {
		return unlimited
	}
	return m + n
}

func smaller(m, n int64) int64 {
	if m == unlimited {
		return n
	}
	if n == unlimited {
		return m
	}
	return min(m, n)
}

// least narrows the books: the accounts of a set have got n or more. It says whether they can have.
func (l *ledger) atLeast(b *books, set int, n int64) bool {
	if most := b.most[l.at(set)]; most != unlimited && most < n {
		return false
	}
	old := copied(b)
	for index, each := range l.sets {
		if inside := l.at(each &^ set); each&set == set && inside >= 0 {
			b.least[index] = max(old.least[index], old.least[inside]+n)
		}
		if outside := l.at(each | set); each&set == 0 && outside >= 0 {
			b.most[index] = smaller(old.most[index], plus(old.most[outside], -n))
		}
	}
	return true
}

// atMost narrows the books: the accounts of a set have got n or less. It says whether they can have.
func (l *ledger) atMost(b *books, set int, n int64) bool {
	if b.least[l.at(set)] > n {
		return false
	}
	old := copied(b)
	for index, each := range l.sets {
		if outside := l.at(each | set); each&set == 0 && outside >= 0 {
			b.least[index] = max(old.least[index], old.least[outside]-n)
		}
		if inside := l.at(each &^ set); each&set == set && inside >= 0 {
			b.most[index] = smaller(old.most[index], plus(old.most[inside], n))
		}
	}
	return true
}

// paid narrows the books: all unsure accounts together have got n or more (or, if not `more`, n or less).
func (l *ledger) paid(b *books, n int64, more bool) bool {
	all := len(l.sets) - 1
	if more && b.most[all] != unlimited && b.most[all] < n || !more && b.least[all] > n {
		return false
	}
	old := copied(b)
	for set := range l.sets {
		rest := all &^ set
		if more && old.most[rest] != unlimited {
			b.least[set] = max(old.least[set], n-old.most[rest])
		}
		if !more {
			b.most[set] = smaller(old.most[set], n-old.least[rest])
		}
	}
	return true
}

// holds narrows the books: an account holds n or more (or, if not `more`, n or less). It says whether it can.
func (l *ledger) holds(b *books, account int, n int64, more bool) bool {
	bit, unsure := l.bit[account]
	switch {
	case unsure && more:
		return l.atLeast(b, 1<<bit, n-b.held[account])
	case unsure:
		return l.atMost(b, 1<<bit, n-b.held[account])
	case account == 0 && l.together && len(l.bit) > 0:
		return l.paid(b, b.held[account]-n, !more)
	case more:
		return b.held[account] >= n
	}
	return b.held[account] <= n
}

func (l *ledger) step(state any, op *operation) (bool, any) {
	e := op.parsed.(entry)
	b := copied(state.(*books))
	switch {
	case e.said == "":
		return false, state
	case op.F == "total":
		sum := int64(0)
		for _, held := range b.held {
			sum += held
		}
		return sum == e.n && op.Heard, state
	case op.F == "balance":
		possible := l.holds(b, e.from, e.n, true) && l.holds(b, e.from, e.n, false)
		return possible, l.intern(b)
	case op.F == "deposit":
		b.held[e.from] += e.amount
		return true, l.intern(b)
	case e.said == "no":
		possible := l.holds(b, e.from, e.amount-1, false)
		return possible, l.intern(b)
	}
	if !l.holds(b, e.from, e.amount, true) {
		return false, state
	}
	b.held[e.from] -= e.amount
	switch {
	case op.F == "transfer":
		b.held[e.to] += e.amount
	case op.F == exchange && op.Heard:
		b.held[e.to] += e.n
		b.held[0] += e.amount - e.n
	case op.F == exchange:
		b.held[0] += e.amount
		if bit, unsure := l.bit[e.to]; unsure {
			for index, set := range l.sets {
				if set&(1<<bit) != 0 {
					b.most[index] = unlimited
				}
			}
		}
	}
	return true, l.intern(b)
}

// waits: an open operation waits behind one that does not look at what it changes, and takes nothing away from it.
func (l *ledger) waits(open, other *operation) bool {
	one, two := open.parsed.(entry), other.parsed.(entry)
	moves := open.F == "deposit" || open.F == "withdraw"
	touches := func(account int) bool {
		return account >= 0 && (account == one.from || account == one.to || account == 0 && open.F == exchange)
	}
	switch {
	case other.F == "total":
		return !moves
	case other.F == "deposit":
		return !touches(two.from) || open.F != exchange && two.from != 0
	}
	return !touches(two.from)
}
