package locale

// Of notices that a document arrived.
var (
	NoticeTitle = both("도착 알림 확인", "Check a notice")
	NoticeLead  = both("문서가 도착했다는 알림을 받았다면, 알림에 적힌 문서번호와 확인 번호로 이 서비스가 보낸 것인지 확인할 수 있습니다.",
		"If you were told that a document arrived, its number and the code in the notice show whether this service has told you.")
	NoticeUnknown   = both("이 서비스가 보낸 알림으로 확인되지 않았습니다.", "This service does not confirm this notice.")
	NoticeUnknownDo = both("문서번호와 확인 번호를 한 번 더 확인하십시오.", "Check the number and the code once more.")
	NoticeConfirmed = both("이 서비스가 보낸 알림이 맞습니다.", "This service has given this notice.")
	NoticeOpen      = both("문서 보기", "Open the document")

	NoticeNeedsNumber = both("알림에 적힌 문서번호를 쓰십시오.", "Enter the document number in the notice.")
	NoticeNeedsCode   = both("알림에 적힌 확인 번호를 쓰십시오.", "Enter the code in the notice.")
)
