package main

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"
)

// Workload v: of each name {exists, id, partitions, value of the config}.
type topicState struct {
	exists     bool
	id         string
	partitions int
	value      string
}

// What is asked, and whether it certainly took effect.
type topicInput struct {
	op      *operation
	certain bool
}

// An id that was never told: it becomes the first one that is shown and no other create was given.
func unknownID(op *operation) string { return fmt.Sprintf("?%d", op.id) }

// Errors whose effect, if any, lies before the return (src/chaos/workloads/DESIGN.md).
var withinSpan = map[string]bool{
	"TOPIC_ALREADY_EXISTS": true, "UNKNOWN_TOPIC_OR_PARTITION": true,
	"UNKNOWN_TOPIC_ID": true, "INVALID_PARTITIONS": true,
}

func topicHistories(operations []*operation) map[string][]porcupine.Operation {
	described := map[string]bool{}
	for _, op := range operations {
		if op.call.F == "describe" && op.outcome == "ok" {
			described[op.call.Value] = true
		}
	}
	histories := map[string][]porcupine.Operation{}
	for _, op := range operations {
		switch op.call.F {
		case "create", "delete", "grow", "configure":
			if op.outcome == "fail" {
				continue
			}
			// A write of unknown outcome whose effect never shows need not have been.
			if op.outcome != "ok" && op.call.F == "configure" && !described[op.call.Value] {
				continue
			}
		case "describe":
			if op.outcome != "ok" || !op.call.Fresh {
				continue
			}
		default:
			continue
		}
		end := op.returned
		if op.outcome != "ok" && !withinSpan[op.err] {
			end = never
		}
		histories[op.call.Topic] = append(histories[op.call.Topic], porcupine.Operation{
			Input: topicInput{op, op.outcome == "ok"}, Call: op.invoked, Return: end,
		})
	}
	return histories
}

// givenIDs: those that creates were told; nobody else's topic has them.
func givenIDs(operations []*operation) map[string]bool {
	given := map[string]bool{}
	for _, op := range operations {
		if op.call.F == "create" && op.outcome == "ok" && op.call.TopicID != "" {
			given[op.call.TopicID] = true
		}
	}
	return given
}

func topicModel(given map[string]bool) porcupine.Model {
	// is tells whether the topic may have that id, and the id to go on with.
	is := func(id, told string) (string, bool) {
		if told == "" || id == told {
			return id, true
		}
		if strings.HasPrefix(id, "?") && !given[told] {
			return told, true
		}
		return id, false
	}
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []interface{} { return []interface{}{topicState{}} },
		Step: func(state, input, _ interface{}) []interface{} {
			now, asked := state.(topicState), input.(topicInput)
			var next []interface{}
			if then, ok := applied(now, asked.op, is); ok {
				next = append(next, then)
			}
			if !asked.certain {
				next = append(next, now)
			}
			return next
		},
		DescribeOperation: func(input, _ interface{}) string {
			asked := input.(topicInput)
			return fmt.Sprintf("%s %+v %s", asked.op.call.F, asked.op.call.TopicID, asked.op.outcome)
		},
	}
	return nondeterministic.ToModel()
}

func applied(now topicState, op *operation, is func(id, told string) (string, bool)) (topicState, bool) {
	c := op.call
	switch c.F {
	case "create":
		id := c.TopicID
		if id == "" || op.outcome != "ok" {
			id = unknownID(op)
		}
		return topicState{true, id, c.Partitions, ""}, !now.exists
	case "describe":
		if !now.exists || !c.Exists {
			return now, now.exists == c.Exists
		}
		id, same := is(now.id, c.TopicID)
		if c.Partitions >= 0 {
			same = same && now.partitions == c.Partitions
		} else {
			same = same && now.value == c.Value
		}
		now.id = id
		return now, same
	}
	id, same := is(now.id, c.TopicID)
	if !now.exists || !same {
		return now, false
	}
	now.id = id
	switch c.F {
	case "delete":
		return topicState{}, true
	case "grow":
		grows := c.Partitions > now.partitions
		now.partitions = c.Partitions
		return now, grows
	default:
		now.value = c.Value
		return now, true
	}
}
