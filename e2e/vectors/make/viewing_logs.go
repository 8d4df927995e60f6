package main

import (
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/viewinglog"
)

// viewingLog of a document that was opened once with the second of two tokens; change may bend it.
func viewingLog(change ...func(*viewinglog.Log)) viewinglog.Log {
	l := viewinglog.Log{
		Format: viewinglog.Format, Serial: "01a22fe7-0000-7000-8000-0000000000bb", MadeAt: viewinglog.Time(at), For: viewinglog.Recipient, EdocNum: edocNum,
		DocumentHash: viewinglog.Digest{Algorithm: "SHA-256", Value: hashOf(pdf("시험용 안내문"))}, Sender: "01a22fe7-0000-7000-8000-0000000000aa",
		RecipientAddress: recipient, SentAt: viewinglog.Time(sentAt), ReceivedAt: viewinglog.Time(receivedAt),
		Entries: []viewinglog.Entry{
			{Number: 1, GivenAt: viewinglog.Time(readAt.Add(-19 * time.Minute)), ViewingSystem: "relay", Person: "01a22fe7-0000-7000-8000-0000000000cc"},
			{Number: 2, GivenAt: viewinglog.Time(readAt.Add(-2 * time.Minute)), ViewingSystem: "relay", Person: "01a22fe7-0000-7000-8000-0000000000cc",
				OpenedAt: viewinglog.Time(readAt.Add(-time.Minute)), ReadAt: viewinglog.Time(readAt)},
		},
	}
	for _, c := range change {
		c(&l)
	}
	return l
}

// forSender takes out of a log what only the recipient is told.
func forSender(l *viewinglog.Log) {
	l.For = viewinglog.Sender
	for i := range l.Entries {
		l.Entries[i].Person = ""
	}
}

// signedLog is an extract of it, whatever it says.
func signedLog(key textKey, change ...func(*viewinglog.Log)) string {
	return signedAs(key, string(must(proof.Encode(viewingLog(change...)))))
}

func signedAs(key textKey, content string) string {
	return must(jws.Profile{Type: viewinglog.Type, MaxBytes: viewinglog.MaxBytes}.Sign(key, []byte(content)))
}

func logHeader(alg, keyID string) string {
	return `{"alg":"` + alg + `","kid":"` + keyID + `","typ":"` + viewinglog.Type + `"}`
}

func (w *world) viewingLogs() []vector {
	key, strange := w.texts.logs, w.texts.strange
	good, content := signedLog(key), string(must(proof.Encode(viewingLog())))
	replaced := func(old, by string) string { return signedAs(key, strings.Replace(content, old, by, 1)) }
	return []vector{
		goodText("viewing_log", "extract of a viewing log for the recipient", good),
		goodText("viewing_log_line", "the same with a line end after it, as text files of another kind have", good+"\r\n"),
		goodText("viewing_log_of_sender", "extract for the sender, who is not told which person opened it", signedLog(key, forSender)),
		goodText("viewing_log_empty", "nobody has asked for a token", signedLog(key, func(l *viewinglog.Log) { l.Entries = []viewinglog.Entry{} })),
		goodText("viewing_log_part", "the second part of a long log, which goes on", signedLog(key, func(l *viewinglog.Log) {
			l.After, l.More = 500, true
			l.Entries[0].Number, l.Entries[1].Number = 501, 502
		})),
		presented(goodText("viewing_log_presented", "with the document that the verifier holds itself", good), "good/document.pdf"),
		goodText("viewing_log_before_key_ended", "signed with a key that ended later", signedLog(w.texts.endedLogs, func(l *viewinglog.Log) {
			*l = viewingLog(func(l *viewinglog.Log) { l.Entries = []viewinglog.Entry{} })
			l.EdocNum, l.SentAt, l.ReceivedAt = "20260301_NARU000001_0000000000001", viewinglog.Time(endedAt.Add(-24*time.Hour)), viewinglog.Time(endedAt.Add(-23*time.Hour))
			l.MadeAt = viewinglog.Time(endedAt.Add(-time.Hour))
		})),

		badText("viewing_log_signature_byte", "a byte of the signature changed", letter(good, len(good)-20), "viewing_log.signature"),
		badText("viewing_log_content", "another read time than was signed", withPayload(good, strings.Replace(content, `"readAt":"2026-03-02T01:30`, `"readAt":"2026-03-02T01:40`, 1)), "viewing_log.signature"),
		badText("viewing_log_key_unknown", "signed with a key that no relay published", signedLog(strange), "viewing_log.key"),
		badText("viewing_log_key_of_receipts", "signed with a key that the relay published for receipts", signedLog(w.texts.receipts), "viewing_log.key"),
		badText("viewing_log_key_named_falsely", "signed with an unknown key, and says a published one", withHeader(signedLog(strange), logHeader("ES256", key.KeyID())), "viewing_log.signature"),
		badText("viewing_log_key_ended", "signed with a key that had ended by then", signedLog(w.texts.endedLogs), "viewing_log.validity"),
		badText("viewing_log_algorithm_none", "says that it is not signed", withHeader(good, logHeader("none", key.KeyID())), "viewing_log.signature"),
		badText("viewing_log_algorithm_symmetric", "says that it is signed with a shared secret", withHeader(good, logHeader("HS256", key.KeyID())), "viewing_log.signature"),
		badText("viewing_log_header_unknown_field", "one more field in the header", withHeader(good, `{"alg":"ES256","crit":["b64"],"kid":"`+key.KeyID()+`","typ":"`+viewinglog.Type+`"}`), "viewing_log.signature"),
		badText("viewing_log_called_a_receipt", "says that it is a receipt", withHeader(good, strings.Replace(logHeader("ES256", key.KeyID()), viewinglog.Type, "naru-receipt+jwt", 1)), "receipt.form"),
		presented(badText("viewing_log_other_document", "presented with another document", good, "viewing_log.document"), "bad/another.pdf"),
		badText("viewing_log_white_space", "white space in what was signed", replaced(`,`, `, `), "viewing_log.form"),
		badText("viewing_log_order", "signed fields in another order", replaced(`{"format":"naru-viewing-log/1","serial":"01a22fe7-0000-7000-8000-0000000000bb"`, `{"serial":"01a22fe7-0000-7000-8000-0000000000bb","format":"naru-viewing-log/1"`), "viewing_log.form"),
		badText("viewing_log_unknown_field", "one more field", replaced(`{"format"`, `{"note":"x","format"`), "viewing_log.form"),
		badText("viewing_log_field_twice", "a field that is there twice", replaced(`"after":0`, `"after":0,"after":0`), "viewing_log.form"),
		badText("viewing_log_version", "of a later version", replaced(`naru-viewing-log/1`, `naru-viewing-log/2`), "viewing_log.form"),
		badText("viewing_log_time_re_spelled", "a time in another spelling", replaced(`"madeAt":"2026-03-02T03:00:00.123456Z"`, `"madeAt":"2026-03-02T03:00:00Z"`), "viewing_log.form"),
		badText("viewing_log_person_for_sender", "tells the sender which person opened it", signedLog(key, func(l *viewinglog.Log) { l.For = viewinglog.Sender }), "viewing_log.form"),
		badText("viewing_log_person_missing", "does not tell the recipient which person opened it", signedLog(key, func(l *viewinglog.Log) { l.Entries[1].Person = "" }), "viewing_log.form"),
		badText("viewing_log_truncated", "the end of the signature missing", good[:len(good)-4], "viewing_log.form"),
		badText("viewing_log_cut_off", "without a signature", good[:strings.LastIndexByte(good, '.')], "viewing_log.form"),
		badText("viewing_log_re_spelled", "padding after the signature", good+"==", "viewing_log.form"),
		badText("viewing_log_bytes_after", "a second line", good+"\n\n", "viewing_log.form"),
		badText("viewing_log_entry_missing", "the first entry left out", signedLog(key, func(l *viewinglog.Log) { l.Entries = l.Entries[1:] }), "viewing_log.numbers"),
		badText("viewing_log_entries_exchanged", "two entries exchanged", signedLog(key, func(l *viewinglog.Log) { l.Entries[0], l.Entries[1] = l.Entries[1], l.Entries[0] }), "viewing_log.numbers"),
		badText("viewing_log_number", "the document number of a later day than it was sent", signedLog(key, func(l *viewinglog.Log) { l.EdocNum = "20260303_NARU000001_0000000000001" }), "viewing_log.numbers"),
		badText("viewing_log_received_before_sent", "received before it was sent", signedLog(key, func(l *viewinglog.Log) { l.SentAt, l.ReceivedAt = l.ReceivedAt, l.SentAt }), "viewing_log.times"),
		badText("viewing_log_opened_before_given", "opened before the token was given", signedLog(key, func(l *viewinglog.Log) { l.Entries[1].OpenedAt = l.Entries[0].GivenAt }), "viewing_log.times"),
		badText("viewing_log_read_before_opened", "read before it was opened", signedLog(key, func(l *viewinglog.Log) { l.Entries[1].ReadAt = l.Entries[1].GivenAt }), "viewing_log.times"),
		badText("viewing_log_made_before", "made before the document was opened", signedLog(key, func(l *viewinglog.Log) { l.MadeAt = l.Entries[1].GivenAt }), "viewing_log.times"),
		badText("viewing_log_made_to_come", "made after it is verified", signedLog(key, func(l *viewinglog.Log) { l.MadeAt = viewinglog.Time(verifiedAt.Add(time.Hour)) }), "viewing_log.made"),
	}
}
