package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
)

// Pending operations return after everything.
const never = int64(math.MaxInt64 / 2)

type producer struct {
	ID int64 `json:"id"`
}

type record struct {
	offset int
	value  string
}

func (r *record) UnmarshalJSON(bytes []byte) error {
	var epoch int
	return json.Unmarshal(bytes, &[]any{&r.offset, &r.value, &epoch})
}

// The fields of src/chaos/history/DESIGN.md that are needed here; all kinds of calls in one.
type call struct {
	F              string    `json:"f"`
	Partition      string    `json:"partition"`
	Values         []string  `json:"values"`
	Acks           int       `json:"acks"`
	Producer       *producer `json:"producer"`
	Duplicates     string    `json:"duplicates"`
	Offset         int       `json:"offset"`
	From           int       `json:"from"`
	Group          string    `json:"group"`
	Records        []record  `json:"records"`
	HighWatermark  int       `json:"highWatermark"`
	LogStartOffset int       `json:"logStartOffset"`
	Compacted      bool      `json:"compacted"`
	Topic          string    `json:"topic"`
	TopicID        string    `json:"topicId"`
	Partitions     int       `json:"partitions"`
	Value          string    `json:"value"`
	Key            string    `json:"key"`
	Fresh          bool      `json:"fresh"`
	Exists         bool      `json:"exists"`
}

var wanted = map[string]bool{
	"append": true, "poll": true, "drain": true,
	"create": true, "delete": true, "grow": true, "configure": true, "describe": true,
}

type operation struct {
	id       int
	outcome  string
	err      string
	call     call
	invoked  int64
	returned int64
}

type line struct {
	T    int64           `json:"t"`
	I    *int64          `json:"i"`
	Type string          `json:"type"`
	Op   int             `json:"op"`
	Err  string          `json:"err"`
	Call json.RawMessage `json:"call"`
}

type event struct {
	place int64
	side  int
	of    *operation
}

// readHistory gives operations in the one order of the format page.
func readHistory(input io.Reader) ([]*operation, error) {
	reader := bufio.NewReaderSize(input, 1<<20)
	found := map[int]*operation{}
	var events []event
	var torn error
	for number := 1; ; number++ {
		text, err := reader.ReadBytes('\n')
		if len(text) > 1 {
			if torn != nil {
				return nil, torn
			}
			var l line
			if bad := json.Unmarshal(text, &l); bad != nil {
				torn = fmt.Errorf("line %d: %w", number, bad)
			} else if bad := take(&l, found, &events); bad != nil {
				return nil, fmt.Errorf("line %d: %w", number, bad)
			}
		}
		if err == io.EOF {
			return ranked(found, events), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func take(l *line, found map[int]*operation, events *[]event) error {
	place := l.T
	if l.I != nil {
		place = *l.I
	}
	if l.Type == "invoke" {
		var kind struct{ F string }
		if err := json.Unmarshal(l.Call, &kind); err != nil {
			return err
		}
		op := &operation{id: l.Op, outcome: "pending", returned: never}
		op.call.F = kind.F
		found[l.Op] = op
		if wanted[kind.F] {
			if err := json.Unmarshal(l.Call, &op.call); err != nil {
				return err
			}
		}
		*events = append(*events, event{place, 0, op})
		return nil
	}
	op := found[l.Op]
	if op == nil {
		return fmt.Errorf("operation %d was not invoked", l.Op)
	}
	op.outcome, op.err = l.Type, l.Err
	if l.Type == "ok" && wanted[op.call.F] && len(l.Call) > 0 {
		// An array is decoded into the one that is there: it must not be shared.
		if err := json.Unmarshal(l.Call, &op.call); err != nil {
			return err
		}
	}
	*events = append(*events, event{place, 1, op})
	return nil
}

// ranked: at the same place (time) all invocations come before all returns.
func ranked(found map[int]*operation, events []event) []*operation {
	sort.SliceStable(events, func(a, b int) bool {
		if events[a].place != events[b].place {
			return events[a].place < events[b].place
		}
		return events[a].side < events[b].side
	})
	for rank, e := range events {
		if e.side == 0 {
			e.of.invoked = int64(rank)
		} else {
			e.of.returned = int64(rank)
		}
	}
	operations := make([]*operation, 0, len(found))
	for _, op := range found {
		operations = append(operations, op)
	}
	sort.Slice(operations, func(a, b int) bool { return operations[a].invoked < operations[b].invoked })
	return operations
}
