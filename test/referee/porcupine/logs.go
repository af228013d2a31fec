package main

import (
	"hash/fnv"
	"sort"
	"strings"

	"github.com/anishathalye/porcupine"
)

// Workload i: an append-only log of the first `recordsMax` offsets of a partition.
type logState struct {
	values []string
	hash   uint64
}

type appendInput struct {
	offset int
	values []string
}

type readInput struct {
	from          int
	records       []record
	highWatermark int
}

type batch struct {
	values  []string
	strict  bool
	ok      bool
	fail    bool
	offset  int
	invoked int64
	// When it was acknowledged first.
	returned int64
}

type partition struct {
	name    string
	batches []*batch
	reads   []*operation
	drains  []*operation
}

func partitions(operations []*operation) map[string]*partition {
	found := map[string]*partition{}
	of := func(name string) *partition {
		if found[name] == nil {
			found[name] = &partition{name: name}
		}
		return found[name]
	}
	attempts := map[string]*batch{}
	for _, op := range operations {
		switch op.call.F {
		case "append":
			addAttempt(of(op.call.Partition), attempts, op)
		case "poll":
			if op.outcome == "ok" {
				of(op.call.Partition).reads = append(of(op.call.Partition).reads, op)
			}
		case "drain":
			if op.outcome == "ok" {
				of(op.call.Partition).drains = append(of(op.call.Partition).drains, op)
			}
		}
	}
	return found
}

// addAttempt: attempts to send a batch are one operation, from the first one's invocation.
func addAttempt(p *partition, attempts map[string]*batch, op *operation) {
	if len(op.call.Values) == 0 {
		return
	}
	b := attempts[op.call.Values[0]]
	if b == nil {
		b = &batch{values: op.call.Values, offset: -1, fail: true, invoked: op.invoked, returned: never}
		b.strict = op.call.Acks == -1 && op.call.Duplicates == "" &&
			op.call.Producer != nil && op.call.Producer.ID != -1
		attempts[op.call.Values[0]] = b
		p.batches = append(p.batches, b)
	}
	b.fail = b.fail && op.outcome == "fail"
	if op.outcome == "ok" && op.call.Offset >= 0 && !b.ok {
		b.ok, b.offset, b.returned = true, op.call.Offset, op.returned
	}
}

// logHistory is nil where something took records away, or nothing was drained: no log of offsets 0, 1, ….
// Where a record of unknown outcome is, if anywhere, the final log tells; it may have come at any time
// since it was sent. What is not there had no effect that anybody saw.
func logHistory(p *partition, recordsMax int) []porcupine.Operation {
	places := map[string][]int{}
	total := 0
	for _, drain := range p.drains {
		if drain.call.LogStartOffset > 0 || drain.call.Compacted {
			return nil
		}
		if drain.call.HighWatermark > total {
			total = drain.call.HighWatermark
		}
	}
	if len(p.drains) == 0 || strings.HasSuffix(p.name, "/-1") {
		return nil
	}
	seen := map[record]bool{}
	for _, drain := range p.drains {
		for _, r := range drain.call.Records {
			if !seen[r] {
				seen[r] = true
				places[r.value] = append(places[r.value], r.offset)
			}
		}
	}
	var history []porcupine.Operation
	add := func(offset int, values []string, call, end int64) {
		if offset < recordsMax {
			history = append(history, porcupine.Operation{
				Input: appendInput{offset, values}, Call: call, Return: end,
			})
		}
	}
	for _, b := range p.batches {
		addBatch(b, places, add)
	}
	for _, read := range p.reads {
		if input, useful := readOf(read, recordsMax); useful {
			history = append(history, porcupine.Operation{Input: input, Call: read.invoked, Return: read.returned})
		}
	}
	return history
}

func addBatch(b *batch, places map[string][]int, add func(int, []string, int64, int64)) {
	if b.strict && b.ok {
		add(b.offset, b.values, b.invoked, b.returned)
		return
	}
	if b.fail {
		return
	}
	for _, value := range b.values {
		sort.Ints(places[value])
		for _, offset := range places[value] {
			add(offset, []string{value}, b.invoked, never)
		}
	}
}

func readOf(read *operation, recordsMax int) (readInput, bool) {
	c := read.call
	input := readInput{from: c.From, highWatermark: c.HighWatermark}
	for _, r := range c.Records {
		if r.offset < recordsMax {
			input.records = append(input.records, r)
		}
	}
	if input.highWatermark > recordsMax {
		input.highWatermark = recordsMax
	}
	if input.from < 0 && len(input.records) > 0 {
		input.from = input.records[0].offset
	}
	return input, len(input.records) > 0 || input.highWatermark > 0
}

func logModel() porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return &logState{} },
		Step: func(state, input, _ interface{}) (bool, interface{}) {
			log := state.(*logState)
			switch asked := input.(type) {
			case appendInput:
				if asked.offset != len(log.values) {
					return false, log
				}
				return true, appended(log, asked.values)
			case readInput:
				return log.shows(asked), log
			}
			return false, log
		},
		Equal: func(a, b interface{}) bool {
			one, other := a.(*logState), b.(*logState)
			return len(one.values) == len(other.values) && one.hash == other.hash
		},
	}
}

func appended(log *logState, values []string) *logState {
	// The old log stays as it is: a full slice has no room behind it.
	next := &logState{append(log.values[:len(log.values):len(log.values)], values...), log.hash}
	for _, value := range values {
		h := fnv.New64a()
		_, _ = h.Write([]byte(value))
		next.hash = next.hash*1099511628211 ^ h.Sum64()
	}
	return next
}

// shows: a reader may lag, but is given what is there, from where it asked on, nothing left out.
func (log *logState) shows(asked readInput) bool {
	if asked.highWatermark > len(log.values) {
		return false
	}
	for index, r := range asked.records {
		if r.offset != asked.from+index || r.offset >= len(log.values) || log.values[r.offset] != r.value {
			return false
		}
	}
	return true
}
