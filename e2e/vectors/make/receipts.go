package main

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/merkle"
	"github.com/naru-relay/naru/pkg/receipt"
)

// textKey signs texts of a relay.
type textKey struct {
	*ecdsa.PrivateKey
	purpose string
}

func newTextKey(purpose string) textKey { return textKey{newKey(), purpose} }

// KeyID implements jws.Key.
func (k textKey) KeyID() string { return must(keys.KeyID(&k.PublicKey)) }

// relayTexts are the keys of the relay for its texts.
type relayTexts struct {
	receipts, logs textKey
	// ended signed receipts until endedAt, endedLogs extracts of viewing logs.
	ended, endedLogs textKey
	// sessions is published for something else.
	sessions textKey
	// strange is published nowhere.
	strange textKey
}

// endedAt is between the two days on which vectors are accepted.
var endedAt = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func newRelayTexts() relayTexts {
	return relayTexts{
		receipts: newTextKey(keys.Receipt), logs: newTextKey(keys.ViewingLog), ended: newTextKey(keys.Receipt), endedLogs: newTextKey(keys.ViewingLog),
		sessions: newTextKey(keys.AccessToken), strange: newTextKey(keys.Receipt),
	}
}

// keySet is what the relay publishes.
func (r relayTexts) keySet() []byte {
	var published []authn.PublicKey
	for _, key := range []textKey{r.receipts, r.logs, r.ended, r.endedLogs, r.sessions} {
		published = append(published, authn.PublicKey{ID: key.KeyID(), Purpose: key.purpose, Key: &key.PublicKey})
	}
	return must(authn.KeySet(published...))
}

// claims of the n-th document of the day.
func claims(n int) receipt.Claims {
	return receipt.Claims{
		EdocNum: fmt.Sprintf("20260302_NARU000001_%013d", n), DocumentHash: receipt.Digest{Algorithm: "SHA-256", Value: hashOf(pdf("시험용 안내문"))},
		RegistrationCertificateDigest: strings.Repeat("cd", 32), AcceptedAt: receipt.Time(sentAt), OwnKey: fmt.Sprintf("own-%d", n),
		Sender: "01a22fe7-0000-7000-8000-0000000000aa",
	}
}

func batch(key textKey, n int) []string {
	var of []receipt.Claims
	for i := range n {
		of = append(of, claims(i+1))
	}
	return must(receipt.Sign(key, of...))
}

// changed is a receipt that states something else than all others.
func changed(key textKey, change func(*receipt.Claims)) string {
	c := claims(1)
	change(&c)
	return must(receipt.Sign(key, c))[0]
}

// leaf is a receipt whose claims, or root and size, are not what receipts have.
func leaf(key textKey, claims string, size int) string {
	tree := must(merkle.New([][]byte{[]byte(claims)}))
	root := must(tree.Root())
	signed := must(jws.Profile{Type: receipt.Type, MaxBytes: receipt.MaxBytes}.Sign(key, fmt.Appendf(nil, `{"root":%q,"size":%d}`, part(root[:]), size)))
	return strings.Join([]string{signed, part([]byte(claims)), "0", ""}, "~")
}

func part(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// withPart is a receipt with another part.
func withPart(text string, n int, other string) string {
	parts := strings.Split(text, "~")
	parts[n] = other
	return strings.Join(parts, "~")
}

func partOf(text string, n int) string { return strings.Split(text, "~")[n] }

// withHeader is a JWS, or a receipt, with another header.
func withHeader(text, header string) string {
	_, rest, _ := strings.Cut(text, ".")
	return part([]byte(header)) + "." + rest
}

// withPayload is a JWS, or a receipt, that says something else than what was signed.
func withPayload(text, payload string) string {
	parts := strings.SplitN(text, ".", 3)
	return parts[0] + "." + part([]byte(payload)) + "." + parts[2]
}

// letter changes a letter of base64url into another.
func letter(text string, at int) string {
	other := byte('A')
	if text[at] == other {
		other = 'B'
	}
	return text[:at] + string(other) + text[at+1:]
}

func goodText(name, about, text string) vector {
	return vector{File: "good/" + name + ".txt", About: about, Failed: []string{}, content: []byte(text)}
}

func badText(name, about, text string, failed ...string) vector {
	return vector{File: "bad/" + name + ".txt", About: about, Failed: failed, content: []byte(text)}
}

func presented(v vector, document string) vector {
	v.Document = document
	return v
}

func (w *world) receipts() []vector {
	key := w.texts.receipts
	single, of := batch(key, 1)[0], batch(key, 5)
	full := batch(key, receipt.MaxTogether)
	others := must(receipt.Sign(key, claims(11), claims(12), claims(13), claims(14), claims(15)))
	plain := must(json.Marshal(claims(1)))
	return []vector{
		goodText("receipt", "receipt of a document that was accepted alone", single),
		goodText("receipt_line", "the same with a line end after it, as text files have", single+"\n"),
		goodText("receipt_of_batch", "receipt of the third of five documents", of[2]),
		goodText("receipt_of_full_batch", "receipt of the last of as many as may be together", full[len(full)-1]),
		presented(goodText("receipt_presented", "with the document that the verifier holds itself", single), "good/document.pdf"),
		goodText("receipt_before_key_ended", "signed with a key that ended later", changed(w.texts.ended, func(c *receipt.Claims) {
			c.EdocNum, c.AcceptedAt = "20260301_NARU000001_0000000000001", receipt.Time(endedAt.Add(-24*time.Hour))
		})),

		badText("receipt_signature_byte", "a byte of the signature changed", withPart(single, 0, letter(partOf(single, 0), len(partOf(single, 0))-20)), "receipt.signature"),
		badText("receipt_signed_root", "another root than the one that was signed, which is not that of the claims", withPayload(single, `{"root":"`+strings.Repeat("A", 43)+`","size":1}`),
			"receipt.signature", "receipt.inclusion"),
		badText("receipt_claims_byte", "the number of another document in the claims", withPart(single, 1, part(must(json.Marshal(claims(2))))), "receipt.inclusion"),
		badText("receipt_key_unknown", "signed with a key that no relay published", batch(w.texts.strange, 1)[0], "receipt.key"),
		badText("receipt_key_of_sessions", "signed with a key that the relay published for something else", batch(w.texts.sessions, 1)[0], "receipt.key"),
		badText("receipt_key_named_falsely", "signed with an unknown key, and says a published one", withHeader(batch(w.texts.strange, 1)[0],
			`{"alg":"ES256","kid":"`+key.KeyID()+`","typ":"`+receipt.Type+`"}`), "receipt.signature"),
		badText("receipt_key_ended", "signed with a key that had ended by then", batch(w.texts.ended, 1)[0], "receipt.validity"),
		badText("receipt_algorithm_none", "says that it is not signed", withHeader(single, `{"alg":"none","kid":"`+key.KeyID()+`","typ":"`+receipt.Type+`"}`), "receipt.signature"),
		badText("receipt_algorithm_symmetric", "says that it is signed with a shared secret", withHeader(single, `{"alg":"HS256","kid":"`+key.KeyID()+`","typ":"`+receipt.Type+`"}`), "receipt.signature"),
		badText("receipt_header_unknown_field", "one more field in the header", withHeader(single, `{"alg":"ES256","jku":"https://example.test","kid":"`+key.KeyID()+`","typ":"`+receipt.Type+`"}`), "receipt.signature"),
		badText("receipt_header_re_spelled", "white space in the header", withHeader(single, `{"alg":"ES256", "kid":"`+key.KeyID()+`","typ":"`+receipt.Type+`"}`), "receipt.signature"),
		presented(badText("receipt_other_document", "presented with another document", single, "receipt.document"), "bad/another.pdf"),
		badText("receipt_re_spelled", "padding after the claims", withPart(single, 1, partOf(single, 1)+"="), "receipt.form"),
		badText("receipt_index_re_spelled", "a nought before the index", withPart(of[2], 2, "02"), "receipt.form"),
		badText("receipt_truncated", "the last three bytes of the path missing", of[2][:len(of[2])-4], "receipt.form"),
		badText("receipt_cut_off", "only signature and claims", strings.Join(strings.Split(single, "~")[:2], "~"), "receipt.form"),
		badText("receipt_bytes_after", "a second line", single+"\n\n", "receipt.form"),
		badText("receipt_part_more", "one more part", single+"~", "receipt.form"),
		badText("receipt_path_of_another", "the path of another batch", withPart(of[2], 3, partOf(others[2], 3)), "receipt.inclusion"),
		badText("receipt_signature_of_another", "the signature of another batch", withPart(of[2], 0, partOf(others[2], 0)), "receipt.inclusion"),
		badText("receipt_index_of_another", "the index of another document of the batch", withPart(of[2], 2, "3"), "receipt.inclusion"),
		badText("receipt_index_beyond", "an index that the batch does not have", withPart(of[2], 2, "5"), "receipt.inclusion"),
		badText("receipt_path_longer", "one more hash in the path", withPart(of[2], 3, part(append(must(base64.RawURLEncoding.DecodeString(partOf(of[2], 3))), make([]byte, 32)...))), "receipt.inclusion"),
		badText("receipt_size", "a batch of more documents than may be together", leaf(key, string(plain), receipt.MaxTogether+1), "receipt.inclusion"),
		badText("receipt_claims_twice", "a claim that is there twice", leaf(key, strings.Replace(string(plain), `{`, `{"edocNum":"20260302_NARU000001_0000000000009",`, 1), 1), "receipt.claims"),
		badText("receipt_claims_no_object", "signed claims that are no object", leaf(key, `[]`, 1), "receipt.claims"),
		badText("receipt_time_re_spelled", "a time in another spelling", changed(key, func(c *receipt.Claims) { c.AcceptedAt = "2026-03-02T10:10:00+09:00" }), "receipt.claims"),
		badText("receipt_time_to_come", "accepted after it is verified", changed(key, func(c *receipt.Claims) {
			c.EdocNum, c.AcceptedAt = "20260304_NARU000001_0000000000001", receipt.Time(verifiedAt.Add(24*time.Hour))
		}), "receipt.time"),
		badText("receipt_number_of_another_day", "the number of the day before", changed(key, func(c *receipt.Claims) { c.EdocNum = "20260301_NARU000001_0000000000001" }), "receipt.number"),
		badText("receipt_number_re_spelled", "no document number", changed(key, func(c *receipt.Claims) { c.EdocNum = "20260302-NARU000001-0000000000001" }), "receipt.number"),
	}
}
