package locale

import "fmt"

// Of the inbox and of a received document.
var (
	InboxTitle       = both("수신함", "Inbox")
	InboxAll         = both("전체", "All")
	InboxUnread      = both("읽지 않은 문서", "Unread")
	InboxFilter      = both("문서 거르기", "Filter")
	InboxEmpty       = both("받은 문서가 없습니다.", "There are no documents.")
	InboxNoUnread    = both("읽지 않은 문서가 없습니다.", "There are no unread documents.")
	InboxSearch      = both("이 목록에서 제목 찾기", "Search titles in this list")
	InboxSearchGo    = both("찾기", "Search")
	InboxSearchNone  = both("이 목록에 찾는 제목이 없습니다.", "No title in this list matches.")
	NextPage         = both("이전 문서 더 보기", "Older documents")
	Unread           = both("읽지 않음", "Unread")
	Read             = both("읽음", "Read")
	Sender           = both("보낸 곳", "From")
	ReceivedAt       = both("받은 때", "Received")
	ReadAt           = both("읽은 때", "Read")
	ViewingUntil     = both("열람 기한", "Can be viewed until")
	ViewingOver      = both("열람 기한이 지났습니다.", "It can no longer be viewed.")
	Category         = both("종류", "Kind")
	Attachments      = both("첨부 파일", "Attachments")
	Fingerprint      = both("문서 지문 (SHA-256)", "Fingerprint (SHA-256)")
	Unreadable       = both("내용을 읽을 수 없는 문서", "Document that cannot be read")
	UnreadableText   = both("이 문서에 대해 보관한 내용을 더는 읽을 수 없습니다. 운영자에게 문의하십시오.", "What is kept of this document cannot be read any more. Ask the operator.")
	DocumentTitle    = both("받은 문서", "Received document")
	ViewHere         = both("문서 열람", "View the document")
	ViewHereText     = both("문서를 화면에 표시하면 읽은 것으로 기록됩니다.", "When the document is shown, it is recorded as read.")
	ViewThere        = both("보낸 곳에서 열람", "View it at the sender's")
	ViewThereText    = both("이 문서는 보낸 기관의 열람시스템이 보여 줍니다.", "The sender's viewing system shows this document.")
	LeaveTitle       = both("보낸 곳의 열람시스템으로 이동", "Go to the sender's viewing system")
	LeaveText        = both("아래 단추를 누르면 이 서비스를 떠나 다음 주소로 이동합니다.", "With the button below you leave this service for")
	LeaveGo          = both("이동하여 열람", "Go and view")
	LeaveUntil       = both("이 열람 허가는 한 번만, 다음 시각까지 쓸 수 있습니다:", "This permission can be used once, until")
	ViewerTitle      = both("문서 열람", "Viewing")
	ViewerUntil      = both("이 열람은 다음 시각에 끝납니다:", "This viewing ends at")
	ViewerNoScript   = both("브라우저가 문서를 화면에 표시할 수 없으면 내려받아 보십시오.", "If your browser cannot show the document, download it.")
	ViewerDocument   = both("문서", "Document")
	ViewerLoading    = both("문서를 불러오는 중입니다.", "Loading the document.")
	ViewerFailed     = both("문서를 화면에 표시하지 못했습니다. 내려받아 보십시오.", "The document could not be shown. Please download it.")
	ViewerShown      = both("문서를 표시했습니다. 읽은 것으로 기록했습니다.", "The document is shown and recorded as read.")
	ViewerUnrecorded = both("문서를 표시했지만 읽은 기록을 남기지 못했습니다. 다시 열어 주십시오.",
		"The document is shown, but reading could not be recorded. Please open it again.")
	ZoomIn       = both("크게", "Larger")
	ZoomOut      = both("작게", "Smaller")
	Print        = both("인쇄", "Print")
	Page         = both("쪽", "Page")
	Download     = both("내려받기", "Download")
	DownloadText = both("문서를 내려받으면 읽은 것으로 기록됩니다.", "Downloading the document is recorded as reading it.")

	CategoryNotice      = both("안내문", "Notice")
	CategoryBill        = both("청구서", "Bill")
	CategoryContract    = both("계약서", "Contract")
	CategoryReport      = both("보고서", "Report")
	CategoryCertificate = both("증명서", "Certificate")
)

// DownloadOf names what a button downloads.
func DownloadOf(name string) Text { return both(name+" 내려받기", "Download "+name) }

// Attached counts attachments.
func Attached(n int32) Text {
	return both(fmt.Sprintf("첨부 %d개", n), fmt.Sprintf("%d attached", n))
}

// Of certificates.
var (
	CertificatesTitle  = both("유통증명서", "Certificates of distribution")
	CertificatesText   = both("이 문서를 누가 언제 보내고 받고 읽었는지 유통허브가 증명하는 문서입니다.", "The distribution hub's statement of who sent, received and read this document, and when.")
	CertificateReason  = both("발급 사유", "What it is needed for")
	CertificateRequest = both("유통증명서 신청", "Ask for a certificate")
	CertificateTitle   = both("유통증명서", "Certificate of distribution")
	CertificateWaiting = both("발급을 기다리는 중", "Being obtained")
	CertificateIssued  = both("발급됨", "Issued")
	CertificateFailed  = both("발급되지 않음", "Not issued")
	CertificateAsked   = both("신청한 때", "Asked for")
	CertificateAt      = both("발급된 때", "Issued")
	CertificateUntil   = both("유효 기간 끝", "Valid until")
	CertificateNumber  = both("증명서 번호", "Certificate number")
	CertificateGet     = both("유통증명서 내려받기 (PDF)", "Download the certificate (PDF)")
	CertificateReload  = both("새로 고침", "Refresh")
	CertificateNeeds   = both("발급 사유를 1~200자로 쓰십시오.", "Say in 1 to 200 characters what it is needed for.")
	ToDocument         = both("문서로 돌아가기", "Back to the document")
)
