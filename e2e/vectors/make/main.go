// Command make writes the vectors anew: containers, the folder of trust, and expected.json. Keys are drawn each time, so every
// file changes. What each vector has to fail is written here by hand, never taken from a verification.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// vector is a file, and what a verification has to say of it.
type vector struct {
	File string `json:"file"`
	// About says what is wrong with it, for people.
	About string `json:"about"`
	// At is the time as of which it is judged, where it is another than that of all.
	At string `json:"at,omitempty"`
	// Document is presented beside it, if it names a file.
	Document string `json:"document,omitempty"`
	// Attachments are presented beside it, in this order, if it names files.
	Attachments []string `json:"attachments,omitempty"`
	// Failed are the ids of the checks that fail; exactly these. None: the file is valid.
	Failed []string `json:"failed"`

	content []byte
}

// expected is what expected.json holds.
type expected struct {
	Format string `json:"format"`
	// At is the time as of which the vectors are judged.
	At      string   `json:"at"`
	Vectors []vector `json:"vectors"`
}

func main() {
	folder := "e2e/vectors"
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	for _, old := range []string{"good", "bad", "trust"} {
		if err := os.RemoveAll(filepath.Join(folder, old)); err != nil {
			panic(err)
		}
	}
	w := newWorld()
	w.writeTrust(filepath.Join(folder, "trust"))
	e := expected{Format: "naru-vectors/1", At: moment(verifiedAt)}
	for _, v := range slices.Concat(w.good(), w.containers(), w.envelopes(), w.contents(), w.evidences(), w.foreignFacts(), w.receipts(), w.viewingLogs()) {
		write(filepath.Join(folder, v.File), v.content)
		e.Vectors = append(e.Vectors, v)
	}
	write(filepath.Join(folder, "good/document.pdf"), w.story().document)
	for i, attachment := range w.story().attachments {
		write(filepath.Join(folder, fmt.Sprintf("good/attachment%d.pdf", i+1)), attachment)
	}
	write(filepath.Join(folder, "bad/another.pdf"), pdf("다른 문서"))
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(e); err != nil {
		panic(err)
	}
	write(filepath.Join(folder, "expected.json"), out.Bytes())
	fmt.Printf("%d vectors\n", len(e.Vectors))
}

func moment(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000Z") }

func bad(name, about string, content []byte, failed ...string) vector {
	return vector{File: "bad/" + name + ".asice", About: about, Failed: failed, content: content}
}
