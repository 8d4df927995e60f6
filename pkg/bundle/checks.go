package bundle

import (
	"slices"

	"github.com/naru-relay/naru/pkg/proof"
)

// Definition is a check that a verification makes. Ids are stable: vectors, reports and answers contain them.
type Definition struct {
	ID string
	// Step is that of a verification: 1 form, 2 signature, 3 its chain, 4 time stamps, 5 algorithms, 6 digests of what was
	// presented, 7 what the certificates say, 8 whether all is about the same, 9 the agency's own answer.
	Step int
	// Optional checks are made where there is something to make them with; one that could not be made does not keep a bundle from
	// being valid.
	Optional bool
	// Korean and English say what it means that it passed.
	Korean, English string
}

// The checks of the envelope.
const (
	CheckContainer       = "container.form"
	CheckMimetype        = "container.mimetype"
	CheckContents        = "container.contents"
	CheckManifest        = "manifest.form"
	CheckArchiveManifest = "archive_manifest.form"
	CheckStatement       = "statement.form"

	CheckManifestFiles   = "manifest.files"
	CheckManifestDigests = "manifest.digests"
	CheckSignatureForm   = "signature.form"
	CheckSignatureValue  = "signature.value"

	CheckSignatureChain    = "signature.chain"
	CheckSignatureValidity = "signature.validity"
	CheckSignatureSigner   = "signature.signer"

	CheckArchiveFiles   = "archive_manifest.files"
	CheckArchiveDigests = "archive_manifest.digests"

	CheckAlgorithms = "algorithms"

	CheckParts                = "parts.digests"
	CheckAttachments          = "attachments.present"
	CheckPresentedDocument    = "presented.document"
	CheckPresentedAttachments = "presented.attachments"

	CheckDistributionFormat    = "distribution.format"
	CheckDistributionSignature = "distribution.signature"
	CheckDistributionChain     = "distribution.chain"
	CheckDistributionIdentity  = "distribution.identity"
	CheckDistributionValidity  = "distribution.validity"
	CheckOriginalForm          = "original.form"
	CheckOriginalSignature     = "original.signature"
	CheckOriginalChain         = "original.chain"
	CheckOriginalIssuer        = "original.issuer"
	CheckOriginalValidity      = "original.validity"
	CheckOriginalKind          = "original.kind"
	CheckRegistration          = "registration.certificate"
	CheckTimes                 = "times.order"

	CheckDistributionNumbers     = "distribution.numbers"
	CheckDistributionParties     = "distribution.parties"
	CheckDistributionTimes       = "distribution.times"
	CheckDistributionDocument    = "distribution.document"
	CheckDistributionAttachments = "distribution.attachments"
	CheckOriginalDocument        = "original.document"
	CheckOriginalAttachments     = "original.attachments"
	CheckRegistrationDocument    = "registration.document"
	CheckRegistrationMatch       = "registration.match"
	CheckTimeline                = "timeline.agrees"
	CheckJournal                 = "journal.proofs"
	CheckFacts                   = "journal.facts"
	CheckAnswers                 = "hub.answers"

	CheckHub = "hub.verification"
)

// Prefixes of the checks of a time stamp, which are made of the one over the signature and of those over everything.
const (
	signatureStamp = "signature_time_stamp."
	archiveStamp   = "archive_time_stamp."
)

// Definitions lists every check, in the order in which reports have them.
func Definitions() []Definition { return slices.Concat(definitions, textDefinitions) }

// DefinitionOf is the definition of a check; the zero Definition if there is none.
func DefinitionOf(id string) Definition {
	all := Definitions()
	if i := slices.IndexFunc(all, func(d Definition) bool { return d.ID == id }); i >= 0 {
		return all[i]
	}
	return Definition{}
}

// alone are the checks of something by itself; true for those that need a document to hold it to.
var alone = map[Kind]map[string]bool{
	KindDistribution: {
		CheckAlgorithms: false, CheckDistributionFormat: false, CheckDistributionSignature: false, CheckDistributionChain: false, CheckDistributionIdentity: false,
		CheckDistributionValidity: false, CheckTimes: false, CheckDistributionDocument: true, CheckDistributionAttachments: true,
	},
	KindOriginal: {
		CheckAlgorithms: false, CheckOriginalForm: false, CheckOriginalSignature: false, CheckOriginalChain: false, CheckOriginalIssuer: false,
		CheckOriginalValidity: false, CheckOriginalKind: false, CheckOriginalDocument: true, CheckOriginalAttachments: true,
	},
	KindRegistration: {CheckRegistration: false, CheckAlgorithms: false, CheckRegistrationDocument: true},
	KindViewingLog: {
		CheckViewingLogForm: false, CheckViewingLogSignature: false, CheckViewingLogKey: false, CheckViewingLogValidity: false, CheckAlgorithms: false,
		CheckViewingLogDocument: true, CheckPresentedAttachments: true, CheckViewingLogNumbers: false, CheckViewingLogTimes: false, CheckViewingLogMade: false,
	},
	KindReceipt: {
		CheckReceiptForm: false, CheckReceiptClaims: false, CheckReceiptSignature: false, CheckReceiptInclusion: false, CheckReceiptKey: false,
		CheckReceiptValidity: false, CheckAlgorithms: false, CheckReceiptDocument: true, CheckPresentedAttachments: true, CheckReceiptNumber: false, CheckReceiptTime: false,
	},
}

// DefinitionsOf lists the checks of a kind of file.
func DefinitionsOf(kind Kind) []Definition {
	if kind == KindBundle {
		return definitions
	}
	var of []Definition
	for _, d := range Definitions() {
		if needsDocument, made := alone[kind][d.ID]; made {
			d.Optional = needsDocument
			of = append(of, d)
		}
	}
	return of
}

var definitions = []Definition{
	{ID: CheckContainer, Step: 1, Korean: "묶음 파일의 구조가 정해진 형식과 한 바이트도 다르지 않다.", English: "The container has the one form of its files, byte for byte."},
	{ID: CheckMimetype, Step: 1, Korean: "묶음 파일이 스스로 밝힌 종류가 맞다.", English: "The container says what it is."},
	{ID: CheckContents, Step: 1, Korean: "들어 있는 파일이 모두 온전하다.", English: "Every file in it is whole."},
	{ID: CheckManifest, Step: 1, Korean: "서명 대상 목록을 읽을 수 있다.", English: "The list of what is signed can be read."},
	{ID: CheckArchiveManifest, Step: 1, Korean: "시점확인 대상 목록을 읽을 수 있다.", English: "The lists of what is time-stamped can be read."},
	{ID: CheckStatement, Step: 1, Korean: "묶음의 내용 명세를 읽을 수 있고, 알려진 판이다.", English: "The statement of the bundle can be read and is of a known version."},
	{ID: CheckManifestFiles, Step: 2, Korean: "서명 대상 목록에 든 파일과 실제 파일이 같다.", English: "The list of what is signed names exactly the files that are there."},
	{ID: CheckManifestDigests, Step: 2, Korean: "서명된 파일이 모두 서명한 때 그대로이다.", English: "Every signed file is as it was when it was signed."},
	{ID: CheckSignatureForm, Step: 2, Korean: "전자서명의 형식이 맞다.", English: "The signature has an accepted form."},
	{ID: CheckSignatureValue, Step: 2, Korean: "전자서명이 목록과 서명자 인증서에 맞다.", English: "The signature is over the list, and the signer's."},
	{ID: CheckSignatureChain, Step: 3, Korean: "서명자 인증서가 신뢰하는 인증기관에서 나왔고, 폐지되지 않았다.", English: "The signer's certificate leads to a trusted root and was not revoked."},
	{ID: CheckSignatureValidity, Step: 3, Korean: "서명한 때 서명자 인증서가 유효했다.", English: "The signer's certificate was valid when it was used."},
	{ID: CheckSignatureSigner, Step: 3, Korean: "서명자가 묶음을 만들 수 있는 자이다.", English: "The signer is one who may assemble bundles."},
	{ID: signatureStamp + "form", Step: 4, Korean: "서명 시점확인의 형식이 맞다.", English: "The time stamp over the signature has an accepted form."},
	{ID: signatureStamp + "signature", Step: 4, Korean: "서명 시점확인이 바뀌지 않았다.", English: "The time stamp over the signature was not changed."},
	{ID: signatureStamp + "chain", Step: 4, Korean: "서명 시점확인의 발급자가 신뢰하는 시점확인기관이다.", English: "The time stamp over the signature is one of a trusted authority."},
	{ID: signatureStamp + "validity", Step: 4, Korean: "서명 시점확인이 유효하다.", English: "The time stamp over the signature is valid."},
	{ID: signatureStamp + "policy", Step: 4, Korean: "서명 시점확인의 정책이 받아들여진다.", English: "The policy of the time stamp over the signature is accepted."},
	{ID: signatureStamp + "imprint", Step: 4, Korean: "서명 시점확인이 이 서명에 대한 것이다.", English: "The time stamp is over this signature."},
	{ID: CheckArchiveFiles, Step: 4, Korean: "시점확인 대상 목록에 든 파일과 실제 파일이 같다.", English: "The newest list of what is time-stamped names every file there is."},
	{ID: CheckArchiveDigests, Step: 4, Korean: "시점확인을 받은 파일이 모두 그때 그대로이다.", English: "Every time-stamped file is as it was then."},
	{ID: archiveStamp + "form", Step: 4, Korean: "전체 시점확인의 형식이 맞다.", English: "The time stamps over everything have the one accepted form."},
	{ID: archiveStamp + "signature", Step: 4, Korean: "전체 시점확인이 바뀌지 않았다.", English: "The time stamps over everything were not changed."},
	{ID: archiveStamp + "chain", Step: 4, Korean: "전체 시점확인의 발급자가 신뢰하는 시점확인기관이다.", English: "The time stamps over everything are those of trusted authorities."},
	{ID: archiveStamp + "validity", Step: 4, Korean: "전체 시점확인이 끊김 없이 유효하다.", English: "The time stamps over everything are valid without a gap."},
	{ID: archiveStamp + "policy", Step: 4, Korean: "전체 시점확인의 정책이 받아들여진다.", English: "The policies of the time stamps over everything are accepted."},
	{ID: archiveStamp + "imprint", Step: 4, Korean: "전체 시점확인이 이 목록에 대한 것이다.", English: "The time stamps are over these lists."},
	{ID: CheckAlgorithms, Step: 5, Korean: "쓰인 암호 알고리즘이 그때 쓸 만한 것이었다.", English: "Every algorithm was suitable when it was used."},
	{ID: CheckParts, Step: 6, Korean: "문서와 증명서가 명세에 적힌 해시값과 같다.", English: "Documents and certificates have the hashes that the statement names."},
	{ID: CheckAttachments, Step: 6, Optional: true, Korean: "첨부가 모두 묶음에 들어 있다.", English: "Every attachment is in the bundle."},
	{ID: CheckPresentedDocument, Step: 6, Optional: true, Korean: "제시한 문서가 묶음의 문서와 같다.", English: "The presented document is the bundle's."},
	{ID: CheckPresentedAttachments, Step: 6, Optional: true, Korean: "제시한 첨부가 묶음의 첨부와 같다.", English: "The presented attachments are the bundle's."},
	{ID: CheckDistributionFormat, Step: 7, Korean: "유통증명서의 형식이 맞고, 서명 뒤에 바뀐 곳이 없다.", English: "The distribution certificate has an accepted form, and nothing was changed after its signature."},
	{ID: CheckDistributionSignature, Step: 7, Korean: "유통증명서의 서명이 맞다.", English: "The distribution certificate's signature holds."},
	{ID: CheckDistributionChain, Step: 7, Korean: "유통증명서의 서명자가 신뢰하는 인증기관에서 나왔다.", English: "The distribution certificate's signer leads to a trusted root."},
	{ID: CheckDistributionIdentity, Step: 7, Korean: "유통증명서의 서명자가 유통허브이다.", English: "The distribution certificate's signer is the hub."},
	{ID: CheckDistributionValidity, Step: 7, Korean: "묶을 때 유통증명서가 유효했다.", English: "The distribution certificate was valid when the bundle was made."},
	{ID: CheckOriginalForm, Step: 7, Korean: "원본증명서의 형식이 맞다.", English: "The original certificate has an accepted form."},
	{ID: CheckOriginalSignature, Step: 7, Korean: "원본증명서의 서명이 맞다.", English: "The original certificate's signature holds."},
	{ID: CheckOriginalChain, Step: 7, Korean: "원본증명서의 서명자가 신뢰하는 인증기관에서 나왔다.", English: "The original certificate's signer leads to a trusted root."},
	{ID: CheckOriginalIssuer, Step: 7, Korean: "원본증명서의 발급자가 신뢰하는 전자문서센터이다.", English: "The original certificate's issuer is a trusted archive."},
	{ID: CheckOriginalValidity, Step: 7, Korean: "묶을 때 원본증명서가 유효했다.", English: "The original certificate was valid when the bundle was made."},
	{ID: CheckOriginalKind, Step: 7, Korean: "원본증명서가 원본을 증명하는 것이다.", English: "The original certificate is one of that kind."},
	{ID: CheckRegistration, Step: 7, Optional: true, Korean: "최초등록증명서가 맞고 유효하다.", English: "The registration certificate holds and is valid."},
	{ID: CheckTimes, Step: 7, Korean: "등록, 송신, 수신, 열람, 증명의 시각이 차례대로이다.", English: "The times of registration, sending, receipt, reading and certification follow each other."},
	{ID: CheckDistributionNumbers, Step: 8, Korean: "유통증명서가 이 전자문서번호와 일련번호의 것이다.", English: "The distribution certificate is about this document number, and has the stated number."},
	{ID: CheckDistributionParties, Step: 8, Korean: "유통증명서의 송신자, 수신자, 신청자가 유통정보와 같다.", English: "The distribution certificate names sender, recipient and applicant as the circulation record does."},
	{ID: CheckDistributionTimes, Step: 8, Korean: "유통증명서의 송신, 수신, 열람일시가 유통정보와 같다.", English: "The distribution certificate states the times of the circulation record."},
	{ID: CheckDistributionDocument, Step: 8, Korean: "유통증명서가 이 문서에 대한 것이다.", English: "The distribution certificate is about this document."},
	{ID: CheckDistributionAttachments, Step: 8, Korean: "유통증명서가 이 첨부들에 대한 것이다.", English: "The distribution certificate is about these attachments."},
	{ID: CheckOriginalDocument, Step: 8, Korean: "원본증명서가 이 문서에 대한 것이다.", English: "The original certificate is about this document."},
	{ID: CheckOriginalAttachments, Step: 8, Korean: "원본증명서가 이 첨부들에 대한 것이다.", English: "The original certificate is about these attachments."},
	{ID: CheckRegistrationDocument, Step: 8, Optional: true, Korean: "최초등록증명서가 이 문서와 첨부에 대한 것이다.", English: "The registration certificate is about this document and these attachments."},
	{ID: CheckRegistrationMatch, Step: 8, Optional: true, Korean: "원본증명서가 이 최초등록증명서의 것이다.", English: "The original certificate belongs to this registration certificate."},
	{ID: CheckTimeline, Step: 8, Optional: true, Korean: "처리 이력이 유통정보와 같다.", English: "The timeline agrees with the circulation record."},
	{ID: CheckJournal, Step: 8, Optional: true, Korean: "중계자의 기록이 증인이 서명한 로그에 들어 있다.", English: "The relay's records are in its witnessed logs, as of the time stamps of these."},
	{ID: CheckFacts, Step: 8, Optional: true, Korean: "중계자의 기록이 처리 이력, 유통정보, 문서와 같다.", English: "The relay's records state the steps of the timeline, the circulation record and this document."},
	{ID: CheckAnswers, Step: 8, Optional: true, Korean: "유통허브의 응답이 중계자가 기록한 그대로이다.", English: "The hub's answers are those that the relay recorded of its exchanges."},
	{ID: CheckHub, Step: 9, Optional: true, Korean: "유통허브가 증명서가 유효하다고 답했다.", English: "The hub itself answered that the certificates are valid."},
}

// Check is what came of one.
type Check struct {
	ID      string        `json:"id"`
	Step    int           `json:"step"`
	Outcome proof.Outcome `json:"outcome"`
	// Subject is the file of the bundle that failed, if it is one of several.
	Subject string `json:"subject,omitempty"`
	// Detail says why it failed, or could not be made: fixed text, nothing of what was verified.
	Detail string `json:"detail,omitempty"`
}
