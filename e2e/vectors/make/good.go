package main

import (
	"bytes"
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
)

func (w *world) good() []vector {
	good := func(name, about string, content []byte) vector {
		return vector{File: "good/" + name + ".asice", About: about, Failed: []string{}, content: content}
	}
	drawn := w.story()
	drawn.drawn = true
	alone := w.story()
	alone.attachments = nil
	unread := w.story()
	unread.circulation.ReadAt = time.Time{}
	less := w.story()
	less.leftOut = 1
	presented := good("presented", "the whole, with the document and the attachments that the verifier holds itself", w.story().bundle())
	presented.Document, presented.Attachments = "good/document.pdf", []string{"good/attachment1.pdf", "good/attachment2.pdf"}
	return []vector{
		good("submission", "document with two attachments, original and distribution certificate", w.story().bundle()),
		good("drawn", "its distribution certificate has pages, as the sandbox hub draws them", drawn.bundle()),
		good("without_attachments", "a document alone", alone.bundle()),
		good("attachment_left_out", "only the hash of the first attachment is in it", less.bundle()),
		good("not_read", "the recipient has not read it", unread.bundle()),
		good("evidence", "the evidence form: with registration certificate, timeline, an answer of the hub, and the relay's records", w.evidence().bundle()),
		good("renewed", "stamped again twice, a year after the other", w.renewed(2)),
		presented,
	}
}

// renewed is a bundle whose time stamp was renewed. All of it lies before the verification, so the first stamps are earlier.
func (w *world) renewed(times int) []byte {
	content := w.story().bundle()
	for n := range times {
		stamper := w.tsa
		stamper.at = at.Add(time.Duration(n+1) * time.Hour)
		container := must(asic.Open(bytes.NewReader(content), int64(len(content))))
		files, open, err := bundle.FilesOf(container)
		if err != nil {
			panic(err)
		}
		added, _, err := bundle.Renew(context.Background(), files, stamper)
		if err != nil {
			panic(err)
		}
		var out bytes.Buffer
		if err := bundle.Write(context.Background(), &out, bundle.Numbered(append(files, added...)), open); err != nil {
			panic(err)
		}
		content = out.Bytes()
	}
	return content
}
