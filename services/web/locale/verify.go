package locale

import "fmt"

// Of the page on which anybody verifies a bundle.
var (
	VerifyTitle = both("전자증명서 검증", "Verify a certificate bundle")
	VerifyLead  = both("받은 전자증명서 묶음(.asice)이 진짜인지, 안에 든 문서와 증명서가 서로 맞는지 확인합니다. 유통증명서(.pdf), 원본증명서(.p7m), 접수증과 열람 기록(.txt)만 따로 확인할 수도 있습니다. 올린 파일은 남기지 않습니다.",
		"Find out whether a certificate bundle (.asice) is genuine, and whether document and certificates in it fit each other. A distribution certificate (.pdf) or an original certificate (.p7m) can be verified by itself, too. The file is not kept.")
	VerifyFile      = both("전자증명서 파일", "Bundle, certificate, receipt or viewing log")
	VerifyGo        = both("검증하기", "Verify")
	VerifyReport    = both("서명된 보고서(PDF) 받기", "Get a signed report (PDF)")
	VerifyReportTip = both("보고서에는 각 확인의 결과가 국문과 영문으로 적히고, 이 서비스의 전자서명과 시점확인이 붙습니다.",
		"The report tells each check in Korean and English, is signed by this service and time-stamped.")
	VerifyNeeds     = both("파일을 고르십시오.", "Choose a file.")
	VerifyNone      = both("이 서비스는 다른 곳의 파일을 검증하지 않습니다.", "This service verifies nothing for others.")
	VerifyElsewhere = both("naru verify 명령으로도 이 서비스 없이 같은 확인을 할 수 있습니다.", "The command naru verify makes the same checks without this service.")
	VerifyValid     = both("유효합니다. 모든 확인을 통과했습니다.", "Valid. Every check passed.")
	VerifyInvalid   = both("유효하지 않습니다.", "Not valid.")
	VerifyFailed    = both("통과하지 못한 확인", "Checks that failed")
	VerifyUnchecked = both("할 수 없었던 확인", "Checks that could not be made")
	VerifyPassed    = both("통과한 확인", "Checks that passed")
	VerifyAbout     = both("파일이 스스로 밝힌 내용", "What the file says of itself")
	VerifyRelay     = both("서명한 중계자", "Signed by the relay")
	VerifyAccepted  = both("접수한 때", "Accepted")
	VerifyMade      = both("확인서를 만든 때", "Extract made")
	VerifyStamped   = both("시점확인을 받은 때", "Time-stamped")
	VerifyAssembler = both("묶은 곳", "Assembled by")
	VerifyAnother   = both("다른 파일 검증하기", "Verify another file")
	VerifySentAt    = both("보낸 때", "Sent")
	VerifyReadAt    = both("읽은 때", "Read")
	VerifyRecipient = both("받는 사람", "Recipient")
)

// VerifyLimit says how large a file may be.
func VerifyLimit(korean, english string) Text {
	return both(fmt.Sprintf("최대 %s", korean), fmt.Sprintf("At most %s", english))
}

// Of viewing logs.
var (
	ViewingLogTitle = both("열람 기록 확인서", "Extract of the viewing log")
	ViewingLogText  = both("언제 열람이 허가되고 읽혔는지 이 서비스가 서명한 파일입니다. 누구나 전자증명서 검증 화면에서 검증할 수 있습니다.",
		"A file, signed by this service, that says when viewing was permitted and when the document was read. Anybody can verify it on the page for verification.")
	ViewingLogGet = both("확인서 내려받기", "Download the extract")
)

// Of bundles.
var (
	BundleRequest   = both("전자증명서 묶음 신청", "Ask for a certificate bundle")
	BundleTip       = both("묶음에는 문서, 원본증명서, 유통증명서가 함께 들어 있어 누구나 검증할 수 있습니다.", "A bundle holds the document, its original certificate and the certificate of distribution; anybody can verify it.")
	EvidenceRequest = both("증빙용 묶음 신청", "Ask for a bundle for a dispute")
	EvidenceTip     = both("증빙용 묶음에는 최초등록증명서, 처리 이력, 유통허브의 응답, 중계자 기록의 증명이 더 들어 있습니다.", "A bundle for a dispute also holds the registration certificate, the timeline, the hub's answers and proofs of the relay's records.")
	BundleTitle     = both("전자증명서 묶음", "Certificate bundle")
	BundleGet       = both("묶음 내려받기 (.asice)", "Download the bundle (.asice)")
)
