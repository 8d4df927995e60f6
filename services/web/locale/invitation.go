package locale

// Of invitations of people who are nobody here yet (가입유도).
var (
	InvitationTitle = both("가입 안내 확인", "Check an invitation")
	InvitationLead  = both("전자문서를 받으라는 안내를 받았다면, 안내에 적힌 확인 번호로 이 서비스가 보낸 것인지 확인할 수 있습니다.",
		"If you were invited to receive an electronic document, its code tells you whether this service sent the invitation.")
	InvitationCode    = both("확인 번호", "Code")
	InvitationCodeTip = both("안내에 적힌 대로 쓰십시오. 빈칸과 붙임표는 빼도 되고, 대문자와 소문자를 가리지 않습니다.",
		"As it stands in the invitation. Spaces and hyphens may be left out; small and capital letters are the same.")
	InvitationCheck   = both("확인하기", "Check")
	InvitationNeeds   = both("안내에 적힌 확인 번호를 쓰십시오.", "Enter the code that stands in the invitation.")
	InvitationCaution = both("이 서비스는 비밀번호, 계좌번호, 카드번호를 묻지 않습니다.", "This service never asks for passwords, bank accounts or card numbers.")

	InvitationUnknown   = both("이 서비스가 보낸 안내로 확인되지 않았습니다.", "This service does not confirm this invitation.")
	InvitationUnknownDo = both("번호를 잘못 썼거나 오래전에 끝난 안내일 수 있으니 번호를 한 번 더 확인하십시오.",
		"The code may be mistyped, or the invitation may have ended long ago. Check the code once more.")
	InvitationPhishing = both("번호가 맞는데도 확인되지 않으면 이 서비스를 사칭한 안내일 수 있습니다. 그 안내의 링크를 누르지 말고, 개인정보를 입력하거나 돈을 보내지 마십시오.",
		"If the code is right and still not confirmed, the invitation may be a fraud in our name. Do not follow its links, enter personal data or pay anything.")

	InvitationConfirmed = both("이 서비스가 보낸 안내가 맞습니다.", "This service has sent this invitation.")
	InvitationRelay     = both("안내한 서비스", "Invited by")
	InvitationSender    = both("문서를 보내려는 곳", "For the sender")
	InvitationAt        = both("안내한 때", "Invited")
	InvitationUntil     = both("가입하면 받을 수 있는 기한", "Join to receive it until")
	InvitationOpen      = both("답을 기다림", "Waiting for your answer")
	InvitationRefused   = both("거부함", "Refused")
	InvitationEnded     = both("기다리는 문서가 없음", "Nothing waits any more")

	InvitationMeansTitle = both("가입하면", "What joining means")
	InvitationMeans      = both("본인확인을 하고 회원으로 가입해 수신에 동의하면, 전자주소를 하나 받고 이 서비스의 수신함에서 전자문서를 받습니다. 가입은 의무가 아닙니다.",
		"You prove who you are, join and consent to receive; then you get an electronic address, and receive electronic documents in this inbox. Nobody has to join.")
	InvitationHidden = both("문서의 제목과 내용은 여기서 보이지 않습니다. 본인확인을 한 받는 사람만 볼 수 있습니다.",
		"Neither title nor content is shown here: only the recipient sees them, after proving who it is.")
	InvitationJoin = both("본인확인하고 가입하기", "Prove who you are, and join")

	InvitationRefuseTitle = both("안내를 받지 않으려면", "If you want no invitations")
	InvitationRefuseText  = both("거부하면 기다리던 문서는 전달되지 않고, 보낸 곳은 전달할 수 없었다는 것을 알게 됩니다. 거부는 기록되어 계속 지켜집니다.",
		"If you refuse, what waits is not delivered, and its sender learns that it could not be. The refusal is recorded, and is kept to from then on.")
	InvitationRefuseOne = both("이 발신자의 안내 거부", "Refuse invitations of this sender")
	InvitationRefuseAll = both("모든 발신자의 안내 거부", "Refuse invitations of all senders")

	InvitationRefusedTitle = both("거부를 기록했습니다", "Your refusal is recorded")
	InvitationRefusedOne   = both("이 발신자를 위해서는 이 연락처로 더는 안내하지 않습니다. 기다리던 문서는 전달되지 않습니다.",
		"You will not be invited at this contact for this sender again. What waits is not delivered.")
	InvitationRefusedAll = both("어느 발신자를 위해서도 이 연락처로 더는 안내하지 않습니다. 기다리던 문서는 전달되지 않습니다.",
		"You will not be invited at this contact for any sender again. What waits is not delivered.")
	InvitationRefusedKept = both("거부는 계속 지켜집니다. 나중에 마음이 바뀌면 처음 화면에서 언제든지 가입할 수 있습니다.",
		"The refusal is kept to. If you change your mind, you can still join from the start page at any time.")
)
