package locale

import "fmt"

// Of sending.
var (
	UploadTitle       = both("문서 보내기: 파일", "Send a document: file")
	UploadText        = both("보낼 문서를 PDF로 올리십시오. 이 서비스가 전자문서 보관소에 등록하고 받는 사람에게 보여 줍니다.", "Upload the document as PDF. It is registered at an archive and shown to the recipient here.")
	UploadFile        = both("PDF 파일", "PDF file")
	UploadGo          = both("올리기", "Upload")
	UploadAnother     = both("첨부 파일 올리기", "Upload an attachment")
	UploadProgress    = both("올리는 중", "Uploading")
	UploadPaused      = both("연결이 끊겼습니다. 이어서 올리는 중입니다.", "The connection was lost. Going on where it stopped.")
	UploadFailed      = both("파일을 올리지 못했습니다. 다시 시도하십시오.", "The file could not be uploaded. Please try again.")
	UploadDone        = both("파일을 올렸습니다.", "The file is uploaded.")
	UploadChecking    = both("파일을 확인하는 중입니다. 잠시 뒤 새로 고치십시오.", "The file is being checked. Refresh in a moment.")
	UploadNeeds       = both("PDF 파일을 고르십시오.", "Choose a PDF file.")
	UploadRefused     = both("이 파일은 보낼 수 없습니다", "This file cannot be sent")
	UploadRefusedText = both("다음 까닭으로 파일을 받지 않았습니다. 고친 파일을 다시 올리십시오.", "It was refused for the reasons below. Upload a corrected file.")
	SendTitle         = both("문서 보내기", "Send a document")
	SendFiles         = both("올린 파일", "Uploaded files")
	SendSubject       = both("제목", "Title")
	SendKind          = both("문서 종류", "Kind of document")
	SendTo            = both("받는 사람을 찾는 방법", "How the recipient is found")
	SendToPerson      = both("이름·생년월일·휴대전화번호", "Name, date of birth and mobile number")
	SendToAddress     = both("전자주소", "Electronic address")
	SendToNumber      = both("사업자등록번호", "Business registration number")
	SendPlatform      = both("중계자플랫폼 번호", "Platform id of the relay")
	SendGo            = both("보내기", "Send")
	SendOwnFirst      = both("보내려면 먼저 회원이어야 합니다.", "You have to be a member to send.")
	SentTitle         = both("보낸 문서", "Sent documents")
	SentNone          = both("이 기간에 보낸 문서가 없습니다.", "Nothing was sent in this time.")
	SentFrom          = both("이 날짜까지 31일", "31 days up to")
	SentDocument      = both("보낸 문서의 상태", "State of a sent document")
	SentOwnKey        = both("발송 번호", "Own key")
	SentAccepted      = both("접수한 때", "Accepted")
	SentAt            = both("보낸 때", "Sent")
	SentHub           = both("유통허브 등록", "Registered at the hub")
	SentTimeline      = both("처리 내역", "What happened")
	SentWhen          = both("때", "When")
	SentWhat          = both("내용", "What")
	SentTo            = both("받은 전자주소", "Received at")
	SentBy            = both("보낸 사람", "Sent by")
	SendDeadline      = both("발송 기한", "To be received by")
	Cancel            = both("발송 취소", "Cancel")
	CancelText        = both("받는 사람이 받기 전이면 취소할 수 있습니다.", "It can be cancelled until it is received.")
	CancelAsked       = both("취소를 요청했습니다. 결과는 상태에 나타납니다.", "Cancelling was asked for. The outcome will show in its state.")
	SentDone          = both("문서를 접수했습니다.", "The document was accepted.")
	Reason            = both("까닭", "Reason")

	NeedsTitle    = both("제목을 1~100자로 쓰십시오.", "Give a title of 1 to 100 characters.")
	NeedsCategory = both("문서 종류를 고르십시오.", "Choose the kind of document.")
	NeedsTo       = both("받는 사람을 찾는 방법을 고르십시오.", "Choose how the recipient is found.")
	NeedsAddress  = both("전자주소를 확인하십시오.", "Check the electronic address.")
	NeedsPlatform = both("중계자플랫폼 번호를 확인하십시오.", "Check the platform id.")
	NeedsValue    = both("이 값을 확인하십시오.", "Check this value.")

	StateUnknown = both("알 수 없음", "Unknown")
)

// UploadLimit tells how large a file may be.
func UploadLimit(size string) Text {
	return both("파일 하나는 "+size+" 이하여야 합니다.", "A file may have up to "+size+".")
}

// states of a sent document, known by their names in status.
var states = map[string]Text{
	"DOCUMENT_STATE_ACCEPTED":                 both("접수됨", "Accepted"),
	"DOCUMENT_STATE_AWAITING_MEMBERSHIP":      both("받는 사람의 가입을 기다림", "Waiting for the recipient to join"),
	"DOCUMENT_STATE_AWAITING_CONSENT":         both("받는 사람의 수신동의를 기다림", "Waiting for the recipient's consent"),
	"DOCUMENT_STATE_RECIPIENT_AT_OTHER_RELAY": both("받는 사람이 다른 중계자의 회원", "The recipient is a member of another relay"),
	"DOCUMENT_STATE_REFUSED":                  both("받는 사람이 거부함", "Refused by the recipient"),
	"DOCUMENT_STATE_RECIPIENT_AMBIGUOUS":      both("받는 사람을 가려낼 수 없음", "Several persons match"),
	"DOCUMENT_STATE_DEPOSITING":               both("보관소에 등록하는 중", "Being registered at the archive"),
	"DOCUMENT_STATE_SENT":                     both("보냄", "Sent"),
	"DOCUMENT_STATE_RECEIVED":                 both("받음", "Received"),
	"DOCUMENT_STATE_READ":                     both("읽음", "Read"),
	"DOCUMENT_STATE_EXPIRED":                  both("기한이 지남", "Expired"),
	"DOCUMENT_STATE_CANCELLED":                both("취소됨", "Cancelled"),
	"DOCUMENT_STATE_FAILED":                   both("전달할 수 없음", "Cannot be delivered"),
	"DOCUMENT_STATE_UNREACHABLE":              both("받는 사람에게 가입을 안내할 연락처가 없음", "The recipient is a member nowhere, and there is no contact to invite it at"),
	"DOCUMENT_STATE_NO_SUCH_PERSON":           both("연락처로 받는 사람을 찾을 수 없음", "Nobody is known at the contact"),
	"DOCUMENT_STATE_INVITATION_REFUSED":       both("받는 사람이 가입 안내를 거부함", "The recipient refused the invitation"),
	"DOCUMENT_STATE_INVITATION_FAILED":        both("가입 안내를 보내지 못함", "The recipient could not be invited"),
}

// SentState is a state of a sent document; false for one that nobody has written about.
func SentState(name string) (Text, bool) {
	if state, known := states[name]; known {
		return state, true
	}
	return StateUnknown, false
}

// steps are what happens to a document, known by the names of facts.
var steps = map[string]Text{
	"naru.intake.v1.DocumentAccepted":           both("접수했습니다", "Accepted"),
	"naru.intake.v1.CancelRequested":            both("취소를 요청했습니다", "Cancelling was asked for"),
	"naru.address.v1.RecipientResolved":         both("받는 사람을 찾았습니다", "The recipient was looked for"),
	"naru.address.v1.DocumentCancelled":         both("취소했습니다", "Cancelled"),
	"naru.archive.v1.DocumentDeposited":         both("보관소에 등록했습니다", "Registered at the archive"),
	"naru.delivery.v1.RecipientInvited":         both("받는 사람에게 가입을 안내했습니다", "The recipient was invited to join"),
	"naru.delivery.v1.RecipientUnreachable":     both("받는 사람에게 가입을 안내할 연락처가 없습니다", "There is no contact to invite the recipient at"),
	"naru.delivery.v1.DocumentReceived":         both("수신함에 넣었습니다", "Put into the inbox"),
	"naru.delivery.v1.DeliveryExpired":          both("발송 기한이 지났습니다", "The deadline passed"),
	"naru.delivery.v1.DeliveryFailed":           both("전달하지 못했습니다", "Could not be delivered"),
	"naru.delivery.v1.DocumentCancelled":        both("취소했습니다", "Cancelled"),
	"naru.delivery.v1.CancelRefused":            both("이미 받아 취소하지 못했습니다", "Already received: not cancelled"),
	"naru.delivery.v1.NoticeGiven":              both("받는 사람에게 알렸습니다", "The recipient was told"),
	"naru.viewing.v1.ViewingTokenIssued":        both("열람을 허가했습니다", "Viewing was permitted"),
	"naru.viewing.v1.ViewingTokenVerified":      both("열람 허가를 확인했습니다", "The permission was checked"),
	"naru.viewing.v1.DocumentRead":              both("읽었습니다", "Read"),
	"naru.circulation.v1.CirculationRegistered": both("유통정보를 등록했습니다", "Registered at the hub"),
	"naru.circulation.v1.ReadTimeRegistered":    both("읽은 때를 등록했습니다", "The read time was registered at the hub"),
	"naru.circulation.v1.CirculationRefused":    both("유통허브가 등록을 거절했습니다", "The hub refused to register it"),
	"naru.circulation.v1.CirculationGivenUp":    both("유통정보 등록을 그만두었습니다", "Registering at the hub was given up"),
	"naru.certificate.v1.CertificateIssued":     both("유통증명서를 발급했습니다", "A certificate was issued"),
	"naru.certificate.v1.CertificateFailed":     both("유통증명서를 발급하지 못했습니다", "A certificate could not be issued"),
	"naru.certificate.v1.BundleIssued":          both("전자증명서를 발급했습니다", "A certificate bundle was issued"),
	"naru.certificate.v1.BundleFailed":          both("전자증명서를 발급하지 못했습니다", "A certificate bundle could not be issued"),
}

// SentStep is a step of a document's way; false for a fact that nobody has written about.
func SentStep(kind string) (Text, bool) {
	if step, known := steps[kind]; known {
		return step, true
	}
	return both(fmt.Sprintf("다른 처리 (%s)", kind), fmt.Sprintf("Another step (%s)", kind)), false
}
