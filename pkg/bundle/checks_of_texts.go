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
}
