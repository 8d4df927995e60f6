package pades

import (
	"slices"
	"strings"

	"github.com/naru-relay/naru/pkg/proof"
)

// Definition is a check that a verification makes. Ids are stable: vectors, reports and answers contain them.
type Definition struct {
	ID string
	// Optional checks are made where there is something to make them with; one that could not be made does not keep a file from
	// being valid.
	Optional bool
	// Korean and English say what it means that it passed.
	Korean, English string
}

// The checks of the file.
const (
	CheckFile           = "file.form"
	CheckStructure      = "file.structure"
	CheckUpdates        = "file.updates"
	CheckChanges        = "file.changes"
	CheckCertification  = "file.certification"
	CheckValidationData = "file.validation_data"
)

// The checks of each signature.
const (
	CheckSignatureForm       = "signature.form"
	CheckSignatureDigest     = "signature.digest"
	CheckSignatureValue      = "signature.value"
	CheckSignatureChain      = "signature.chain"
	CheckSignatureRevocation = "signature.revocation"
	CheckSignatureValidity   = "signature.validity"
)

// Prefixes of the checks of a time stamp: of the one in a signature, and of one over the document. After them come form,
// signature, chain, validity, policy and imprint.
const (
	SignatureTimeStamp = "signature_time_stamp."
	DocumentTimeStamp  = "document_time_stamp."
)

var fileDefinitions = []Definition{
	{ID: CheckFile, Korean: "첫 서명이 그 때의 파일 전체를 빈틈없이 덮는다.", English: "The first signature covers all of the file as it was then but exactly its own value."},
	{ID: CheckStructure, Korean: "읽는 프로그램이 보는 서명이 검증한 서명이다.", English: "The signature that readers see is the one that was verified."},
	{ID: CheckUpdates, Korean: "서명 뒤에 붙은 것이 모두 읽을 수 있는 개정분이다.", English: "All that follows is updates that can be read, every byte of them."},
	{ID: CheckChanges, Korean: "서명 뒤에 서명, 시점확인, 검증 정보 말고는 바뀐 것이 없다.", English: "After a signature nothing came but signatures, time stamps and validation data."},
	{ID: CheckCertification, Optional: true, Korean: "뒤에 붙은 것이 첫 서명자가 허용한 것이다.", English: "What came later is what the first signer allowed."},
	{ID: CheckValidationData, Optional: true, Korean: "파일에 든 검증 정보를 읽을 수 있다.", English: "The validation data of the file can be read."},
}

var signatureDefinitions = slices.Concat([]Definition{
	{ID: CheckSignatureForm, Korean: "전자서명의 형식이 맞다.", English: "The signature has an accepted form."},
	{ID: CheckSignatureDigest, Korean: "서명한 뒤 한 바이트도 바뀌지 않았다.", English: "Not a byte was changed since it was signed."},
	{ID: CheckSignatureValue, Korean: "전자서명이 서명자 인증서에 맞다.", English: "The signature is that of the signer's certificate."},
	{ID: CheckSignatureChain, Korean: "서명자 인증서가 신뢰하는 인증기관에서 나왔고, 문서에 서명할 수 있다.", English: "The signer's certificate leads to a trusted root and may sign documents."},
	{ID: CheckSignatureRevocation, Korean: "서명한 때 서명자 인증서가 폐지되지 않았다.", English: "The signer's certificate was not revoked by then."},
	{ID: CheckSignatureValidity, Korean: "서명한 때 서명자 인증서가 유효했다.", English: "The signer's certificate was valid then, and the claimed time agrees."},
}, stampDefinitions(SignatureTimeStamp, true))

// stampDefinitions are the checks of a time stamp, by the names of package tsp.
func stampDefinitions(prefix string, optional bool) []Definition {
	return []Definition{
		{ID: prefix + "form", Optional: optional, Korean: "시점확인의 형식이 맞다.", English: "The time stamp has an accepted form."},
		{ID: prefix + "signature", Optional: optional, Korean: "시점확인이 바뀌지 않았다.", English: "The time stamp was not changed."},
		{ID: prefix + "chain", Optional: optional, Korean: "시점확인의 발급자가 신뢰하는 시점확인기관이다.", English: "The time stamp is one of a trusted authority."},
		{ID: prefix + "validity", Optional: optional, Korean: "시점확인이 유효하다.", English: "The time stamp is valid."},
		{ID: prefix + "policy", Optional: optional, Korean: "시점확인의 정책이 받아들여진다.", English: "The policy of the time stamp is accepted."},
		{ID: prefix + "imprint", Optional: optional, Korean: "시점확인이 바로 이것에 대한 것이다.", English: "The time stamp is over this very thing."},
	}
}

// Definitions lists every check: those of the file, of each signature and of each document time stamp, in the order in which
// reports have them.
func Definitions() []Definition {
	return slices.Concat(fileDefinitions, signatureDefinitions, stampDefinitions(DocumentTimeStamp, false))
}

// Check is what came of one.
type Check struct {
	ID      string        `json:"id"`
	Outcome proof.Outcome `json:"outcome"`
	// Detail says why it failed, or could not be made: fixed text and numbers, nothing of what was verified.
	Detail string `json:"detail,omitempty"`
}

// findings collects what comes of the checks. A check that nothing was found about could not be made.
type findings map[string]Check

func (f findings) pass(id string) {
	if _, known := f[id]; !known {
		f[id] = Check{ID: id, Outcome: proof.Passed}
	}
}

// fail keeps every reason.
func (f findings) fail(id, detail string) {
	if before := f[id]; before.Outcome == proof.NotPassed && before.Detail != "" && !strings.Contains(before.Detail, detail) {
		detail = before.Detail + "; " + detail
	}
	f[id] = Check{ID: id, Outcome: proof.NotPassed, Detail: detail}
}

func (f findings) notCheckable(id, detail string) {
	if _, known := f[id]; !known {
		f[id] = Check{ID: id, Outcome: proof.NotCheckable, Detail: detail}
	}
}

// judge passes or fails a check by an error.
func (f findings) judge(id string, err error) bool {
	if err != nil {
		f.fail(id, err.Error())
		return false
	}
	f.pass(id)
	return true
}

// list gives the defined checks, and whether all passed that have to.
func (f findings) list(definitions []Definition) (checks []Check, valid bool) {
	valid = true
	for _, d := range definitions {
		c, known := f[d.ID]
		if !known {
			c = Check{ID: d.ID, Outcome: proof.NotCheckable, Detail: "what it needs could not be read"}
			if d.Optional {
				c.Detail = "nothing to make it with"
			}
		}
		checks = append(checks, c)
		valid = valid && (c.Outcome == proof.Passed || c.Outcome == proof.NotCheckable && d.Optional)
	}
	return checks, valid
}
