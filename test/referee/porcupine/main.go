// Porcupine as a referee of histories of varve chaos: topics by name (workload v), and the beginnings
// of logs (workload i). One JSON verdict per file; exit 0 linearizable, 1 not, 2 no history.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

type anomaly struct {
	Kind      string `json:"kind"`
	Partition string `json:"partition"`
	Detail    string `json:"detail"`
}

type tally struct {
	Checked    int `json:"checked"`
	Operations int `json:"operations"`
	Unknown    int `json:"unknown"`
}

type verdict struct {
	File      string    `json:"file"`
	Valid     bool      `json:"valid"`
	Topics    tally     `json:"topics"`
	Logs      tally     `json:"logs"`
	Anomalies []anomaly `json:"anomalies"`
}

func main() {
	limit := flag.Duration("limit", 10*time.Second, "for each topic or partition; then it is unknown")
	records := flag.Int("records", 3000, "of each partition")
	flag.Parse()
	code := 0
	for _, path := range flag.Args() {
		found, err := judge(path, *records, *limit)
		if err != nil {
			fmt.Fprintln(os.Stderr, path+":", err)
			code = 2
			continue
		}
		_ = json.NewEncoder(os.Stdout).Encode(found)
		if !found.Valid && code == 0 {
			code = 1
		}
	}
	os.Exit(code)
}

func judge(path string, records int, limit time.Duration) (verdict, error) {
	result := verdict{File: path, Anomalies: []anomaly{}}
	file, err := os.Open(path)
	if err != nil {
		return result, err
	}
	defer file.Close()
	operations, err := readHistory(file)
	if err != nil {
		return result, err
	}
	topics := topicModel(givenIDs(operations))
	histories := topicHistories(operations)
	for _, name := range sortedKeys(histories) {
		check(&result, &result.Topics, topics, name, histories[name], limit)
	}
	logs, found := logModel(), partitions(operations)
	for _, name := range sortedKeys(found) {
		if history := logHistory(found[name], records); history != nil {
			check(&result, &result.Logs, logs, name, history, limit)
		}
	}
	result.Valid = len(result.Anomalies) == 0
	return result, nil
}

func check(result *verdict, counts *tally, model porcupine.Model, name string, history []porcupine.Operation, limit time.Duration) {
	counts.Checked++
	counts.Operations += len(history)
	switch porcupine.CheckOperationsTimeout(model, history, limit) {
	case porcupine.Illegal:
		detail := fmt.Sprintf("no order of its %d operations explains them", len(history))
		result.Anomalies = append(result.Anomalies, anomaly{"not-linearizable", name, detail})
	case porcupine.Unknown:
		counts.Unknown++
	}
}

func sortedKeys[V any](of map[string]V) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
