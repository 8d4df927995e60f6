package bundle

// The checks of what a relay signs for the parties: texts of its own, which are no certificates.
const (
	CheckReceiptForm      = "receipt.form"
	CheckReceiptClaims    = "receipt.claims"
	CheckReceiptSignature = "receipt.signature"
	CheckReceiptInclusion = "receipt.inclusion"
	CheckReceiptKey       = "receipt.key"
	CheckReceiptValidity  = "receipt.validity"
	CheckReceiptDocument  = "receipt.document"
	CheckReceiptNumber    = "receipt.number"
	CheckReceiptTime      = "receipt.time"

	CheckViewingLogForm      = "viewing_log.form"
	CheckViewingLogSignature = "viewing_log.signature"
	CheckViewingLogKey       = "viewing_log.key"
	CheckViewingLogValidity  = "viewing_log.validity"
	CheckViewingLogDocument  = "viewing_log.document"
	CheckViewingLogNumbers   = "viewing_log.numbers"
	CheckViewingLogTimes     = "viewing_log.times"
	CheckViewingLogMade      = "viewing_log.made"
)

var textDefinitions = []Definition{
	{ID: CheckReceiptForm, Step: 1, Korean: "접수증의 형식이 맞다.", English: "The receipt has the one form of receipts."},
	{ID: CheckReceiptClaims, Step: 1, Korean: "접수증의 내용을 읽을 수 있다.", English: "What the receipt states can be read."},
	{ID: CheckReceiptSignature, Step: 2, Korean: "접수증의 전자서명이 맞다.", English: "The receipt's signature holds."},
	{ID: CheckReceiptInclusion, Step: 2, Korean: "접수증의 내용이 서명된 묶음에 들어 있다.", English: "What the receipt states is in the batch that was signed."},
	{ID: CheckReceiptKey, Step: 3, Korean: "신뢰하는 중계자가 접수증용으로 공개한 키로 서명되었다.", English: "It was signed with a key that a trusted relay published for receipts."},
	{ID: CheckReceiptValidity, Step: 3, Korean: "접수한 때 그 키가 쓰이고 있었다.", English: "That key had not ended when the document was accepted."},
	{ID: CheckReceiptDocument, Step: 6, Optional: true, Korean: "접수증이 제시한 문서에 대한 것이다.", English: "The receipt is about the presented document."},
	{ID: CheckReceiptNumber, Step: 7, Korean: "전자문서번호가 접수한 날의 번호이다.", English: "The document number is one of the day of acceptance."},
	{ID: CheckReceiptTime, Step: 7, Korean: "접수일시가 검증하는 때보다 늦지 않다.", English: "The time of acceptance is not after that of the verification."},
	{ID: CheckViewingLogForm, Step: 1, Korean: "열람 기록 확인서의 형식이 맞고, 알려진 판이다.", English: "The extract of the viewing log has its one form and is of a known version."},
	{ID: CheckViewingLogSignature, Step: 2, Korean: "열람 기록 확인서의 전자서명이 맞다.", English: "The extract's signature holds."},
	{ID: CheckViewingLogKey, Step: 3, Korean: "신뢰하는 중계자가 열람 기록용으로 공개한 키로 서명되었다.", English: "It was signed with a key that a trusted relay published for viewing logs."},
	{ID: CheckViewingLogValidity, Step: 3, Korean: "확인서를 만든 때 그 키가 쓰이고 있었다.", English: "That key had not ended when the extract was made."},
	{ID: CheckViewingLogDocument, Step: 6, Optional: true, Korean: "열람 기록이 제시한 문서에 대한 것이다.", English: "The viewing log is about the presented document."},
	{ID: CheckViewingLogNumbers, Step: 7, Korean: "열람 기록에 빠지거나 겹친 항목이 없고, 전자문서번호가 맞다.", English: "No entry is missing or there twice, and the document number is one of that time."},
	{ID: CheckViewingLogTimes, Step: 7, Korean: "송신, 수신, 토큰 발급, 열람, 확인서 작성의 시각이 차례대로이다.", English: "The times of sending, receipt, tokens, opening, reading and of the extract follow each other."},
	{ID: CheckViewingLogMade, Step: 7, Korean: "확인서를 만든 때가 검증하는 때보다 늦지 않다.", English: "The extract was not made after the time of the verification."},
}
