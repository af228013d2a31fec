package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// script writes a history: each line of it is "begin end outcome call", outcome ok, fail, info or an
// error's name (info).
func script(t *testing.T, text string) []*operation {
	t.Helper()
	var lines []string
	for op, line := range strings.Split(strings.TrimSpace(text), "\n") {
		parts := strings.SplitN(strings.TrimSpace(line), " ", 4)
		outcome, err := parts[2], ""
		if outcome != "ok" && outcome != "fail" && outcome != "info" {
			outcome, err = "info", parts[2]
		}
		lines = append(lines, fmt.Sprintf(`{"t":%s,"p":"p%d","type":"invoke","op":%d,"call":%s}`, parts[0], op, op, parts[3]))
		lines = append(lines, fmt.Sprintf(`{"t":%s,"p":"p%d","type":%q,"op":%d,"err":%q,"call":%s}`, parts[1], op, outcome, op, err, parts[3]))
	}
	operations, err := readHistory(strings.NewReader(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return operations
}

const (
	create   = `{"f":"create","topic":"t","topicId":"%s","partitions":%d}`
	destroy  = `{"f":"delete","topic":"t","topicId":"%s","partitions":-1}`
	describe = `{"f":"describe","topic":"t","fresh":true,"exists":%t,"topicId":"%s","partitions":%d,"value":"%s"}`
	set      = `{"f":"configure","topic":"t","topicId":"","key":"k","value":"%s"}`
	grow     = `{"f":"grow","topic":"t","topicId":"","partitions":%d}`
)

func did(begin, end int, outcome, call string, values ...any) string {
	return fmt.Sprintf("%d %d %s ", begin, end, outcome) + fmt.Sprintf(call, values...) + "\n"
}

func topicsLinearizable(t *testing.T, text string) bool {
	operations := script(t, text)
	for _, history := range topicHistories(operations) {
		if porcupine.CheckOperationsTimeout(topicModel(givenIDs(operations)), history, time.Minute) != porcupine.Ok {
			return false
		}
	}
	return true
}

func TestTopics(t *testing.T) {
	made := did(1, 2, "ok", create, "a", 1)
	cases := []struct {
		name string
		text string
		want bool
	}{
		{"seen", made + did(3, 4, "ok", describe, true, "a", 1, ""), true},
		{"not seen", made + did(3, 4, "ok", describe, false, "", -1, ""), false},
		{"not seen yet", did(1, 5, "ok", create, "a", 1) + did(3, 4, "ok", describe, false, "", -1, ""), true},
		{"made twice", made + did(3, 4, "ok", create, "b", 1), false},
		{"made anew", made + did(3, 4, "ok", destroy, "a") + did(5, 6, "ok", create, "b", 2) +
			did(7, 8, "ok", describe, true, "b", 2, ""), true},
		{"back", made + did(3, 4, "ok", destroy, "a") + did(5, 6, "ok", describe, true, "a", 1, ""), false},
		{"config of the deleted one", made + did(3, 4, "ok", set, "v") + did(5, 6, "ok", destroy, "a") +
			did(7, 8, "ok", create, "b", 1) + did(9, 10, "ok", describe, true, "", -1, "v"), false},
		{"unknown create comes true late", did(1, 2, "info", create, "", 1) +
			did(3, 4, "ok", describe, false, "", -1, "") + did(5, 6, "ok", describe, true, "c", 1, ""), true},
		{"exists already: not later", did(1, 2, "TOPIC_ALREADY_EXISTS", create, "", 1) +
			did(3, 4, "ok", describe, false, "", -1, "") + did(5, 6, "ok", describe, true, "c", 1, ""), false},
		{"another's id", did(1, 2, "info", create, "", 1) + did(3, 4, "ok", describe, true, "z", 1, "") +
			did(5, 6, "ok", describe, true, "y", 1, ""), false},
		{"grown", made + did(3, 4, "ok", grow, 3) + did(5, 6, "ok", describe, true, "a", 1, ""), false},
		{"refused", made + did(3, 4, "fail", grow, 3) + did(5, 6, "ok", describe, true, "a", 1, ""), true},
	}
	for _, c := range cases {
		if got := topicsLinearizable(t, c.text); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

const (
	appended_ = `{"f":"append","partition":"t/0","values":["%s"],"acks":-1,"producer":{"id":1},"offset":%d}`
	poll      = `{"f":"poll","partition":"t/0","from":%d,"records":[[%d,"%s",0]],"highWatermark":%d}`
	drained   = `{"f":"drain","partition":"t/0","records":[[0,"a",0],[1,"b",0]],"highWatermark":2,"logStartOffset":0}`
)

func logsLinearizable(t *testing.T, text string) bool {
	for _, p := range partitions(script(t, text+did(98, 99, "ok", drained))) {
		if !porcupine.CheckOperations(logModel(), logHistory(p, 100)) {
			return false
		}
	}
	return true
}

func TestLogs(t *testing.T) {
	both := did(1, 2, "ok", appended_, "a", 0) + did(3, 4, "ok", appended_, "b", 1)
	cases := []struct {
		name string
		text string
		want bool
	}{
		{"in order", both + did(5, 6, "ok", poll, 1, 1, "b", 2), true},
		{"late reader", both + did(5, 6, "ok", poll, 0, 0, "a", 1), true},
		{"another value", both + did(5, 6, "ok", poll, 1, 1, "a", 2), false},
		{"left out", both + did(5, 6, "ok", poll, 0, 1, "b", 2), false},
		{"read too early", did(1, 2, "ok", poll, 0, 0, "a", 1) + did(3, 4, "ok", appended_, "a", 0) +
			did(5, 6, "ok", appended_, "b", 1), false},
		{"watermark too early", did(1, 2, "ok", appended_, "a", 0) + did(3, 4, "ok", poll, 0, 0, "a", 2) +
			did(5, 6, "ok", appended_, "b", 1), false},
		{"against real time", did(1, 2, "ok", appended_, "b", 1) + did(3, 4, "ok", appended_, "a", 0), false},
		{"at the same time", did(1, 4, "ok", appended_, "b", 1) + did(3, 5, "ok", appended_, "a", 0), true},
		{"one unknown, found", did(1, 2, "info", appended_, "a", -1) + did(3, 4, "ok", appended_, "b", 1), true},
	}
	for _, c := range cases {
		if got := logsLinearizable(t, c.text); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
