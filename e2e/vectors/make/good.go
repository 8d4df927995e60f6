package main

import (
	"bytes"
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/distcert"
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
	spelled := w.story()
	spelled.circulation.Sender.Address, spelled.applicant = "Test-Office", "Test-Office"
	spelled.distribution = func(c *distcert.Content) { c.Sender.Address, c.Applicant = "TEST-OFFICE", "test-office" }
	evidenceUnread := w.evidence(func(r *records) { r.leaveOut("viewing") })
	evidenceUnread.circulation.ReadAt = time.Time{}
	readLater := w.evidence()
	readLater.circulation.ReadAt = time.Time{}
	readLater.records = func(s *story, distribution []byte) *records {
		later := *s
		later.circulation.ReadAt = at.Add(-30 * time.Second)
		return w.recorded(&later, distribution)
	}
	return []vector{
		good("submission", "document with two attachments, original and distribution certificate", w.story().bundle()),
		good("drawn", "its distribution certificate has pages, as the sandbox hub draws them", drawn.bundle()),
		good("without_attachments", "a document alone", alone.bundle()),
		good("attachment_left_out", "only the hash of the first attachment is in it", less.bundle()),
		good("not_read", "the recipient has not read it", unread.bundle()),
		good("evidence", "the evidence form: with registration certificate, timeline, an answer of the hub, and the relay's records", w.evidence().bundle()),
		good("evidence_pushed", "the evidence form, of a distribution certificate that the hub pushed", w.evidence(func(r *records) { pushed(r) }).bundle()),
		good("evidence_not_read", "the evidence form of a document that was not read", evidenceUnread.bundle()),
		good("evidence_read_later", "the evidence form of a document that was read after its distribution certificate was issued", readLater.bundle()),
		good("address_respelled", "the hub writes an address in other upper and lower case letters", spelled.bundle()),
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
