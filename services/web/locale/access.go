package locale

// Of the record of accesses, and of what is known of a person.
var (
	AccessesTitle   = both("접속·열람 기록", "Who has been here")
	AccessesText    = both("언제 로그인했고 받은 문서를 언제 열람했는지입니다.", "When you signed in, and when what you received was viewed.")
	AccessesOfText  = both("누가 언제 이 기관·기업의 이름으로 로그인하고 문서를 열람했는지입니다.", "Who acted for the organisation, and who viewed its documents, and when.")
	AccessesNone    = both("기록이 없습니다.", "There is nothing on record.")
	AccessSignedIn  = both("본인확인 후 로그인", "Signed in")
	AccessActed     = both("다른 이름으로 로그인", "Acted for somebody else")
	AccessPermitted = both("열람을 허가받음 (열람하지 않음)", "Was permitted to view, and did not")
	AccessViewed    = both("문서를 열람함", "Viewed a document")
	AccessWho       = both("사람", "Person")
	AccessFor       = both("누구의 이름으로", "In the name of")
	AccessViewedAt  = both("열람을 시작한 때", "Viewing began")

	DataTitle        = both("내 정보와 휴대전화", "My data and my phone")
	DataText         = both("본인확인기관이 확인해 준 정보입니다. 문서를 보내는 곳은 이 정보로 받는 사람을 찾습니다.", "What the identity provider proved of you. Senders find you by it.")
	DataSince        = both("확인한 때", "Since")
	PhoneChanged     = both("전화번호나 이름이 바뀌었을 때", "If your number or name has changed")
	PhoneChangedText = both("바뀐 번호로 본인확인을 다시 하십시오. 새 정보가 바로 적용되고, 새 번호로 찾는 문서도 받게 됩니다.",
		"Prove your identity again with the new one. It counts at once, also for documents that already wait for it.")
	PhoneChangedGo = both("본인확인 다시 하기", "Prove my identity again")
	PhoneLost      = both("휴대전화를 잃어버렸을 때", "If your phone is lost")
	PhoneLostText  = both("다른 기기의 로그인을 모두 끝내고 접속·열람 기록을 확인하십시오. 통신사에 분실 신고를 해야 다른 사람이 그 번호로 본인확인을 할 수 없습니다.",
		"End all other sessions, and look who has been here. Have your carrier bar the number, so that nobody proves your identity with it.")
	DataCopy     = both("내 정보 사본", "A copy of my data")
	DataCopyText = both("본인 정보, 동의와 거부의 이력, 받고 보낸 문서의 목록, 접속·열람 기록을 JSON 파일로 받습니다. 문서 자체는 들어 있지 않습니다.",
		"Your data, your consents and refusals, what you received and sent, and who has been here, as a JSON file. The documents themselves are not in it.")
	DataCopyGo = both("사본 받기", "Download the copy")
)
