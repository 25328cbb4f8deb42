// The oracle says what the real Kubernetes allocator and its CEL package answer
// to cases in JSON, one per line: "oracle allocate" and "oracle cel"; and how
// long they take for a scenario: "oracle time FILE".
//
// It decides nothing itself; answers come out in the order of the cases, and
// are flushed whenever no case is waiting, so it can also be driven one case at
// a time. Start reading at stream.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"k8s.io/dynamic-resource-allocation/structured"

	"gpualloc.dev/oracle/cases"
)

func main() {
	handlers := map[string]func([]byte) []byte{"allocate": allocate, "cel": evaluate}
	var run func() error
	if len(os.Args) == 2 && handlers[os.Args[1]] != nil {
		run = func() error { return stream(os.Stdin, os.Stdout, handlers[os.Args[1]]) }
	}
	if len(os.Args) == 3 && os.Args[1] == "time" {
		run = func() error { return timeScenario(os.Args[2], os.Stdin, os.Stdout) }
	}
	if run == nil {
		fmt.Fprintln(os.Stderr, "usage: oracle allocate|cel  (cases on stdin, answers on stdout)")
		fmt.Fprintln(os.Stderr, "       oracle time FILE     (a sample on stdout for each line on stdin)")
		os.Exit(2)
	}
	// The stable channel visits pools in map order, which no oracle may do.
	structured.EnableAllocators("incubating", "experimental")
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

// stream answers lines concurrently and writes the answers in order.
func stream(in io.Reader, out io.Writer, handle func([]byte) []byte) error {
	workers := runtime.GOMAXPROCS(0)
	type job struct {
		line   []byte
		answer chan []byte
	}
	jobs := make(chan job)
	pending := make(chan chan []byte, 8*workers)
	for range workers {
		go func() {
			for job := range jobs {
				job.answer <- guarded(handle, job.line)
			}
		}()
	}
	read := make(chan error, 1)
	go func() {
		reader := bufio.NewReaderSize(in, 1<<16)
		var err error
		for err == nil {
			var line []byte
			line, err = reader.ReadBytes('\n')
			if line = bytes.TrimSpace(line); len(line) > 0 {
				answer := make(chan []byte, 1)
				pending <- answer
				jobs <- job{line: line, answer: answer}
			}
		}
		close(jobs)
		close(pending)
		read <- err
	}()
	writeErr := write(out, pending)
	if err := <-read; !errors.Is(err, io.EOF) {
		return fmt.Errorf("read cases: %w", err)
	}
	return writeErr
}

// guarded keeps a case that nobody foresaw, such as a null document, from
// ending the whole run.
func guarded(handle func([]byte) []byte, line []byte) (answer []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			answer = encode(cases.Answer{Error: fmt.Sprint("panic: ", cause)})
		}
	}()
	return handle(line)
}

// write drains every answer even after a failed write, so that the reader ends.
func write(out io.Writer, pending <-chan chan []byte) error {
	writer := bufio.NewWriterSize(out, 1<<16)
	var failed error
	for answer := range pending {
		var line []byte
		var flushed error
		select {
		case line = <-answer:
		default:
			flushed = writer.Flush()
			line = <-answer
		}
		_, err := writer.Write(line)
		if len(pending) == 0 {
			flushed = errors.Join(flushed, writer.Flush())
		}
		failed = errors.Join(failed, flushed, err)
	}
	return errors.Join(failed, writer.Flush())
}
