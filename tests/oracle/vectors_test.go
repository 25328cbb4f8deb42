package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/dynamic-resource-allocation/structured"

	"gpualloc.dev/oracle/cases"
)

// TestVectors holds the recorded vectors against the oracle, which shows that
// nothing was lost when they were written as JSON.
func TestVectors(t *testing.T) {
	structured.EnableAllocators("incubating", "experimental")
	handlers := map[string]func([]byte) []byte{"allocator": allocate, "lexicographical": allocate, "cel": evaluate}
	for file, handle := range handlers {
		t.Run(file, func(t *testing.T) {
			lines := vectorLines(t, file)
			var out bytes.Buffer
			if err := stream(strings.NewReader(strings.Join(lines, "\n")), &out, handle); err != nil {
				t.Fatal(err)
			}
			answers := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(answers) != len(lines) {
				t.Fatalf("%d answers for %d cases", len(answers), len(lines))
			}
			for i, line := range lines {
				wanted, got := object(t, line)["expect"].(map[string]any), object(t, answers[i])
				if _, hasCost := wanted["cost"]; !hasCost {
					delete(got, "cost")
				}
				delete(got, "name")
				if !reflect.DeepEqual(wanted, got) {
					t.Errorf("case %v: recorded %v, oracle says %v", object(t, line)["name"], wanted, got)
				}
			}
		})
	}
}

// TestBadLines shows that what is no case gets an answer and ends nothing.
func TestBadLines(t *testing.T) {
	in := "{\"name\": 3}\n{\"nodes\": [null]}\n{\"surprise\": 1}\nnot JSON\n{\"name\": \"last\"}"
	var out bytes.Buffer
	if err := stream(strings.NewReader(in), &out, allocate); err != nil {
		t.Fatal(err)
	}
	var answers []cases.Answer
	for line := range strings.Lines(out.String()) {
		var answer cases.Answer
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer)
	}
	if len(answers) != 5 || answers[4].Name != "last" || answers[4].Error != "" {
		t.Fatalf("answers: %+v", answers)
	}
	for _, answer := range answers[:4] {
		if answer.Error == "" {
			t.Errorf("no error in %+v", answer)
		}
	}
}

func vectorLines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.Open(filepath.Join("..", "vectors", "upstream", file+".ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	scanner := bufio.NewScanner(text)
	scanner.Buffer(nil, 1<<24)
	var lines []string
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func object(t *testing.T, line string) map[string]any {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal([]byte(line), &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}
