package main

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/cms"
)

const (
	ofSignature = "signature_time_stamp."
	ofArchive   = "archive_time_stamp."
	newest      = "META-INF/timestamp001.tst"
)

// envelopes have their files, and something is wrong with manifests, signature or time stamps.
func (w *world) envelopes() []vector {
	good := w.story().bundle()
	changed := []string{bundle.CheckManifestDigests, bundle.CheckArchiveDigests}
	and := func(more ...string) []string { return slices.Concat(changed, more) }
	by := func(signer bundle.Signer) []byte {
		s := w.story()
		s.relay = signer
		return s.bundle()
	}
	stamped := func(signature, archive stamper) []byte {
		s := w.story()
		s.tsa = signature
		return restamped(s.bundle(), archive)
	}
	foreign := stamper{signer: w.strange.signer("시험용 낯선 시점확인", timeStamps), at: at}
	elsewhere := w.tsa
	elsewhere.over = []byte("something else")
	documents := stamper{signer: w.tsaRoot.signer("시험용 시점확인센터"), at: at}
	ended := stamper{signer: w.tsaRoot.signer("시험용 시점확인센터", timeStamps, validUntil(at.Add(time.Hour))), at: at}
	early := stamper{signer: w.tsaRoot.signer("시험용 시점확인센터", timeStamps, validFrom(at.AddDate(-4, 0, 0))), at: at.AddDate(-2, 0, 0)}
	byPolicy, broken := w.tsa, w.tsa
	byPolicy.policy, broken.bend = asn1.ObjectIdentifier{1, 2, 3, 4, 9}, flip(-1)
	gone := stamper{signer: w.tsaRoot.signer("시험용 시점확인센터", timeStamps, validUntil(at.Add(-time.Hour))), at: at.Add(-2 * time.Hour)}
	drop := func(r []asic.Reference) []asic.Reference { return r[:len(r)-1] }
	add := func(r []asic.Reference) []asic.Reference {
		return append(r, asic.Reference{Name: "document/none.pdf", MediaType: "application/pdf"})
	}
	again := func(name string, change func([]byte) []byte) []byte {
		return restamped(edit(good, name, change), w.tsa)
	}
	return []vector{
		bad("document_byte", "a byte of the document changed", edit(good, document, flip(100)),
			and(bundle.CheckParts, bundle.CheckDistributionDocument, bundle.CheckOriginalDocument)...),
		bad("attachment_byte", "a byte of an attachment changed", edit(good, "document/attachment01.pdf", flip(100)),
			and(bundle.CheckParts, bundle.CheckDistributionAttachments, bundle.CheckOriginalAttachments)...),
		bad("instructions_byte", "a byte of the instructions changed", edit(good, "verify.txt", flip(3)), changed...),
		bad("statement_number", "another certificate number in the statement", edit(good, "bundle.json", replace(certNum, "2026-0302-0001-0002")),
			and(bundle.CheckDistributionNumbers)...),
		bad("statement_re_spelled", "white space in the statement", edit(good, "bundle.json", replace(`,"serial"`, `, "serial"`)), and(bundle.CheckStatement)...),
		bad("statement_version", "a version of the statement that nobody knows", edit(good, "bundle.json", replace("naru-bundle/1", "naru-bundle/9")), and(bundle.CheckStatement)...),
		bad("statement_unknown_field", "a field of the statement that nobody knows", edit(good, "bundle.json", replace(`"serial"`, `"extra":1,"serial"`)), and(bundle.CheckStatement)...),
		bad("distribution_byte", "a byte of the distribution certificate changed", edit(good, "certificates/distribution.pdf", flip(200)),
			and(bundle.CheckParts, bundle.CheckDistributionSignature)...),
		bad("original_byte", "the last byte of the original certificate's signature changed", edit(good, "certificates/original.p7m", flip(-1)),
			and(bundle.CheckParts, bundle.CheckOriginalSignature)...),
		bad("manifest_re_spelled", "white space in the list of what is signed", again(asic.Manifest, replace("  <asic:Sig", " <asic:Sig")), bundle.CheckManifest, bundle.CheckSignatureValue),
		bad("manifest_digest", "another digest in the list of what is signed", again(asic.Manifest, digestOf(contentOf(good, document))),
			bundle.CheckManifestDigests, bundle.CheckSignatureValue),
		bad("manifest_entry_missing", "a file is missing in the list of what is signed", again(asic.Manifest, listed(drop)), bundle.CheckManifestFiles, bundle.CheckSignatureValue),
		bad("manifest_entry_added", "a file too much in the list of what is signed", again(asic.Manifest, listed(add)), bundle.CheckManifestFiles, bundle.CheckSignatureValue),
		bad("manifest_changed_alone", "the list of what is signed changed after everything was stamped", edit(good, asic.Manifest, listed(drop)),
			bundle.CheckManifestFiles, bundle.CheckSignatureValue, bundle.CheckArchiveDigests),
		bad("signature_byte", "a byte of the signature changed after everything was stamped", edit(good, asic.Signature, value(flip(-1))),
			bundle.CheckArchiveDigests, bundle.CheckSignatureValue, ofSignature+"imprint"),
		bad("signature_byte_stamped", "a byte of the signature changed, and everything stamped again", again(asic.Signature, value(flip(-1))),
			bundle.CheckSignatureValue, ofSignature+"imprint"),
		bad("signature_algorithm", "a digest algorithm that is not accepted", again(asic.Signature, allOf("608648016503040201", "608648016503040204")), bundle.CheckSignatureForm),
		bad("signature_bytes_after", "a byte after the signature", again(asic.Signature, func(b []byte) []byte { return append(b, 0) }), bundle.CheckSignatureForm),
		bad("signature_of_a_stranger", "signed by somebody under another root", by(w.strange.signer(relayName)), bundle.CheckSignatureChain),
		bad("signature_of_another", "signed by somebody else under the right root", by(w.relayRoot.signer("시험용 다른 자")), bundle.CheckSignatureSigner),
		bad("signature_usage", "signed with a certificate for something else", by(w.relayRoot.signer(relayName, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })), bundle.CheckSignatureChain),
		bad("signature_expired", "signed with a certificate that had ended", by(w.relayRoot.signer(relayName, validUntil(at.AddDate(0, -1, 0)))), bundle.CheckSignatureValidity),
		bad("signature_not_yet_valid", "signed with a certificate that had not begun", by(w.relayRoot.signer(relayName, validFrom(at.AddDate(0, 1, 0)))), bundle.CheckSignatureValidity),
		bad("signature_missing", "no signature", restamped(without(good, asic.Signature), w.tsa), bundle.CheckSignatureForm),
		bad("signature_without_time_stamp", "no time stamp over the signature", again(asic.Signature, w.signed(good)), ofSignature+"form"),
		bad("signature_time_stamp_foreign", "the signature's time stamp is of an authority that nobody knows", stamped(foreign, w.tsa), ofSignature+"chain"),
		bad("signature_time_stamp_elsewhere", "the signature's time stamp is over something else", stamped(elsewhere, w.tsa), ofSignature+"imprint"),
		bad("signature_time_stamp_usage", "the signature's time stamp is by a signer of documents", stamped(documents, w.tsa), ofSignature+"chain"),
		bad("stamped_before_it_was_signed", "stamped two years before its certificates were issued", stamped(early, w.tsa),
			bundle.CheckSignatureValidity, bundle.CheckDistributionValidity, bundle.CheckOriginalValidity, bundle.CheckTimes),
		bad("signature_time_stamp_byte", "last byte of the signature's time stamp changed", stamped(broken, w.tsa), ofSignature+"signature"),
		bad("signature_time_stamp_policy", "the signature's time stamp was issued under another policy", stamped(byPolicy, w.tsa), ofSignature+"policy"),
		bad("signature_time_stamp_ended", "the authority's certificate had ended when everything was stamped", stamped(gone, w.tsa), ofSignature+"validity"),
		bad("archive_time_stamp_policy", "the time stamp over everything was issued under another policy", stamped(w.tsa, byPolicy), ofArchive+"policy"),
		bad("archive_time_stamp_missing", "no time stamp over everything", without(good, newest), ofArchive+"form"),
		bad("archive_time_stamp_foreign", "the time stamp over everything is of an authority that nobody knows", stamped(w.tsa, foreign), ofArchive+"chain"),
		bad("archive_time_stamp_elsewhere", "the time stamp over everything is over something else", stamped(w.tsa, elsewhere), ofArchive+"imprint"),
		bad("archive_time_stamp_usage", "the time stamp over everything is by a signer of documents", stamped(w.tsa, documents), ofArchive+"chain"),
		bad("archive_time_stamp_ended", "the authority's certificate ended and nobody renewed the stamp", stamped(w.tsa, ended), ofArchive+"validity"),
		bad("archive_time_stamp_byte", "last byte of the time stamp over everything changed", edit(good, newest, flip(-1)), ofArchive+"signature"),
		bad("archive_time_stamp_version", "a version of the time stamp that does not fit its content", edit(good, newest, replace("\x02\x01\x03\x31", "\x02\x01\x01\x31")), ofArchive+"form"),
		bad("archive_time_stamp_certificate", "a certificate too much in the time stamp over everything", stamped(w.tsa, w.crowded()), ofArchive+"form"),
		bad("archive_manifest_entry_missing", "the list of what is stamped leaves a file out", restamped(good, w.tsa, drop), bundle.CheckArchiveFiles),
		bad("archive_manifest_entry_added", "the list of what is stamped names a file too much", restamped(good, w.tsa, add), bundle.CheckArchiveFiles),
		bad("archive_manifest_digest", "another digest in the list of what is stamped", edit(good, asic.ArchiveManifest, digestOf(contentOf(good, document))),
			bundle.CheckArchiveDigests, ofArchive+"imprint"),
		bad("archive_manifest_re_spelled", "white space in the list of what is stamped", edit(good, asic.ArchiveManifest, replace("  <asic:Sig", " <asic:Sig")),
			bundle.CheckArchiveManifest, ofArchive+"imprint"),
		bad("renewed_older_stamp_byte", "a byte of an older time stamp changed", edit(w.renewed(1), newest, flip(-1)), bundle.CheckArchiveDigests, ofArchive+"signature"),
	}
}

// digestOf changes the first character of a content's digest in a manifest.
func digestOf(content []byte) func([]byte) []byte {
	return func(manifest []byte) []byte {
		r := must(asic.Decode(manifest))
		sum := must(asic.MeasureOf(bytes.NewReader(content))).SHA256
		for i := range r.Files {
			if r.Files[i].SHA256 == sum {
				r.Files[i].SHA256[0] ^= 1
			}
		}
		return r.Encode()
	}
}

// listed bends the references of a manifest.
func listed(bend func([]asic.Reference) []asic.Reference) func([]byte) []byte {
	return func(manifest []byte) []byte {
		r := must(asic.Decode(manifest))
		r.Files = bend(r.Files)
		return r.Encode()
	}
}

// value changes the value of a signature where it stands in the message.
func value(change func([]byte) []byte) func([]byte) []byte {
	return func(message []byte) []byte {
		old := must(cms.Read(message, 0)).SignatureValue()
		return bytes.Replace(message, old, change(bytes.Clone(old)), 1)
	}
}

// allOf replaces every occurrence of octets, in hexadecimal.
func allOf(old, replacement string) func([]byte) []byte {
	return func(b []byte) []byte {
		return bytes.ReplaceAll(b, must(hex.DecodeString(old)), must(hex.DecodeString(replacement)))
	}
}

// signed signs the manifest of a container anew, without a time stamp.
func (w *world) signed(container []byte) func([]byte) []byte {
	return func([]byte) []byte {
		return must(cms.SignWith(contentOf(container, asic.Manifest), w.relay.Key, w.relay.Chain, cms.SignOptions{Detached: true, At: at}))
	}
}

// crowded stamps with a certificate too much.
func (w *world) crowded() stamper {
	s := w.tsa
	s.signer.Chain = append(slices.Clone(s.signer.Chain), w.strange.certificate)
	return s
}
