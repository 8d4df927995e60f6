package locale

import "fmt"

// Of every page.
var (
	SkipToContent = both("본문으로 바로가기", "Skip to content")
	Menu          = both("주 메뉴", "Main menu")
	Footer        = both("안내", "About")
	Test          = both("시험용", "Test")
	TestNotice    = both("이 서비스는 시험용입니다. 여기서 주고받는 문서와 증명서에는 법적 효력이 없습니다.",
		"This is a test service. Documents and certificates here have no legal effect.")
	SignIn          = both("본인확인으로 로그인", "Sign in by proving who you are")
	SignOut         = both("로그아웃", "Sign out")
	GoOn            = both("계속하기", "Go on")
	ToInbox         = both("수신함", "Inbox")
	ToSent          = both("보낸 문서", "Sent")
	ToApprovals     = both("송신대행 승인", "Approvals")
	ToSend          = both("문서 보내기", "Send a document")
	ToMembership    = both("내 정보", "My membership")
	ToOrganisations = both("기관·기업", "Organisations")
	ToSessions      = both("로그인 기기", "Sessions and devices")
	ToTerms         = both("이용약관", "Terms of use")
	Start           = both("처음 화면", "Start")
	Back            = both("돌아가기", "Back")
	Next            = both("다음", "Next")
	Continue        = both("계속", "Continue")
	Save            = both("저장", "Save")
	Apply           = both("적용", "Apply")
	Newest          = both("처음 목록으로", "Back to the newest")
	State           = both("상태", "State")
	Optional        = both("선택", "optional")
	Required        = both("필수", "required")
	ErrorsFound     = both("고쳐야 할 항목이 있습니다", "Some answers need to be corrected")
	DocumentNumber  = both("전자문서번호", "Document number")
	None            = both("없음", "None")
)

// InLanguage is the link to the other language, written in it.
func InLanguage(l Language) string {
	if l == English {
		return "English"
	}
	return "한국어"
}

// ActingFor names the organisation for which a person acts.
func ActingFor(name string) Text {
	return both(name+"의 이름으로 이용 중", "Acting for "+name)
}

// SessionEnds tells when a session ends by itself.
func SessionEnds(ko, en string) Text {
	return both(fmt.Sprintf("로그인은 %s에 끝납니다.", ko), fmt.Sprintf("You will be signed out at %s.", en))
}

// SessionSoon warns two minutes before a session ends.
var SessionSoon = both("2분 안에 로그인이 끝납니다. 쓰던 내용을 먼저 보내십시오. 더 이용하려면 그 뒤에 다시 로그인하십시오.",
	"You will be signed out within two minutes. Send what you are writing first; to go on, sign in again after that.")

// Of the start page, and of signing in.
var (
	StartTitle = both("전자문서 받기와 보내기", "Receive and send electronic documents")
	StartLead  = both("기관과 기업이 나에게 보낸 전자문서를 한곳에서 받아 보고, 언제 받았고 언제 읽었는지 증명할 수 있습니다.",
		"Receive the documents that institutions and companies send you in one place, and prove when they were received and read.")
	StartHow     = both("이용 방법", "How it works")
	StartStep1   = both("본인확인을 하고 회원으로 가입합니다.", "Prove who you are, and join.")
	StartStep2   = both("문서가 오면 수신함에서 열어 봅니다.", "Open documents in your inbox when they arrive.")
	StartStep3   = both("필요하면 유통증명서를 신청합니다.", "Ask for a certificate of distribution when you need one.")
	StartPrivacy = both("로그인할 때마다 본인확인기관에서 본인을 확인합니다. 이 서비스는 비밀번호를 만들거나 보관하지 않습니다.",
		"Each time you sign in, an identity provider confirms who you are. This service has no passwords.")
	SignedOut      = both("로그아웃했습니다.", "You have signed out.")
	SessionOver    = both("로그인 시간이 끝났습니다. 다시 로그인하십시오.", "Your session has ended. Please sign in again.")
	SigninElse     = both("로그인을 마칠 수 없습니다", "Signing in could not be finished")
	SigninElseText = both("이 브라우저에서 시작하지 않았거나 너무 오래전에 시작한 로그인입니다. 처음부터 다시 해 주십시오.",
		"This sign-in was not begun in this browser, or too long ago. Please begin again.")
	SigninDenied     = both("본인확인을 취소했습니다", "Identity was not confirmed")
	SigninDeniedText = both("본인확인기관이 본인확인을 마치지 않았습니다. 다시 시도할 수 있습니다.", "The identity provider did not confirm who you are. You can try again.")
)

// Of terms and joining.
var (
	TermsTitle   = both("이용약관", "Terms of use")
	TermsVersion = both("약관 버전", "Version")
	TermsNone    = both("아직 정해진 약관이 없습니다. 시험용으로만 이용할 수 있습니다.", "There are no terms yet. The service can be used for tests only.")
	JoinTitle    = both("회원 가입", "Join")
	JoinLead     = both("가입하면 전자주소를 하나 받고, 이 서비스의 수신함으로 전자문서를 받습니다.",
		"When you join you get an electronic address, and receive electronic documents in this inbox.")
	JoinConsent      = both("전자문서를 이 서비스에서 받는 데 동의합니다 (수신동의).", "I consent to receive electronic documents here.")
	JoinDesignate    = both("이 수신함을 전자문서를 받을 정보처리시스템으로 지정합니다.", "I designate this inbox as the system in which I receive electronic documents.")
	JoinTerms        = both("이용약관을 읽었고 동의합니다.", "I have read the terms of use and agree.")
	JoinReadTerms    = both("이용약관 읽기", "Read the terms of use")
	JoinSubmit       = both("가입하기", "Join")
	NeedsTerms       = both("이용약관에 동의해야 합니다.", "Agree to the terms of use.")
	NeedsConsent     = both("수신동의가 필요합니다.", "Consent to receive electronic documents.")
	NeedsDesignate   = both("수신함을 지정해야 합니다.", "Designate this inbox.")
	JoinedTitle      = both("가입했습니다", "You have joined")
	JoinedText       = both("전자주소를 등록하고 있습니다. 등록이 끝나면 문서를 받을 수 있습니다.", "Your address is being registered. After that you can receive documents.")
	NotMemberYet     = both("아직 회원이 아닙니다. 문서를 받으려면 먼저 가입하십시오.", "You are not a member yet. Join to receive documents.")
	MembershipTitle  = both("내 정보", "My membership")
	MembershipOf     = both("이 이름의 회원 정보", "The membership in whose name you act")
	Address          = both("전자주소", "Electronic address")
	JoinedAt         = both("가입한 때", "Joined")
	ConsentState     = both("수신동의", "Consent to receive")
	ConsentGiven     = both("동의함", "Given")
	ConsentNone      = both("동의하지 않음", "Not given")
	ConsentSince     = both("동의한 때", "Given at")
	ConsentTake      = both("수신동의 철회", "Take back consent")
	ConsentTakeText  = both("철회하면 새 문서를 받지 않습니다. 이미 받은 문서는 그대로 남습니다.", "You will receive no new documents. Those you have received stay.")
	ConsentGive      = both("수신동의하기", "Give consent")
	RefusalTitle     = both("수신거부", "Refusals")
	RefusalText      = both("특정 발신자 또는 모든 발신자의 문서를 거부할 수 있습니다.", "You can refuse documents of one sender, or of all.")
	RefuseAll        = both("모든 발신자의 문서 거부", "Refuse documents of all senders")
	AcceptAll        = both("모든 발신자 거부 풀기", "Accept documents of all senders again")
	RefusalSender    = both("발신자 번호", "Sender's id")
	RefusalSenderTip = both("발신자에게 받은 36자리 번호입니다. 전자주소가 아닙니다.", "The 36-character id that the sender gave you; not its address.")
	RefuseOne        = both("이 발신자 거부", "Refuse this sender")
	AcceptOne        = both("이 발신자 거부 풀기", "Accept this sender again")
	NameTold         = both("유통허브에 이름을 다시 알립니다.", "The hub is told your name again.")
	RenameTitle      = both("기관·기업 이름 바꾸기", "Change the organisation's name")
	RenameText       = both("유통허브가 받은 때부터 새 이름을 씁니다.", "The new name is used once the hub has it.")
	RenameSubmit     = both("바꾸기", "Change")
	RenameDone       = both("새 이름을 유통허브에 알립니다.", "The hub is being told the new name.")
	NameWaits        = both("유통허브에 알리고 있는 새 이름:", "The hub is being told the new name:")
	NameRefused      = both("유통허브가 받지 않은 새 이름:", "The hub does not take the new name:")
	NameTell         = both("다시 알리기", "Tell it again")
	RefusalDone      = both("수신거부를 바꾸었습니다.", "Your refusal has been changed.")
	ConsentDone      = both("수신동의를 바꾸었습니다.", "Your consent has been changed.")
	WithdrawTitle    = both("회원 탈퇴", "Leave")
	WithdrawText     = both("탈퇴하면 전자주소가 없어지고 새 문서를 받을 수 없습니다. 이미 받은 문서의 기록은 법에 따라 보관합니다.",
		"Your address ends and no new document reaches you. Records of documents you have received are kept as the law requires.")
	WithdrawAgree  = both("위 내용을 확인했고 탈퇴합니다.", "I have understood this and leave.")
	WithdrawSubmit = both("탈퇴하기", "Leave")
	WithdrawDone   = both("탈퇴했습니다.", "You have left.")
	SenderID       = both("발신자 번호가 올바르지 않습니다. 36자리 번호를 확인하십시오.", "This is not a sender's id. Check the 36 characters.")

	MemberRegistering = both("주소 등록 중", "Address being registered")
	MemberActive      = both("이용 중", "Active")
	MemberWithdrawn   = both("탈퇴", "Left")
	AddressRefused    = both("주소 등록이 거절됨: 다시 가입하면 다른 주소로 등록합니다.", "The address was refused: join again to get another one.")
)

// Of sessions and devices.
var (
	SessionsTitle  = both("로그인 기기", "Sessions and devices")
	SessionsText   = both("지금 로그인되어 있는 기기입니다. 모르는 기기가 있으면 로그아웃시키십시오.", "Where you are signed in now. End any session that you do not know.")
	SessionThis    = both("이 기기", "This device")
	SessionSeen    = both("마지막 이용", "Last used")
	SessionSince   = both("로그인한 때", "Signed in")
	SessionEnd     = both("이 기기 로그아웃", "End this session")
	SessionEndRest = both("다른 모든 기기 로그아웃", "End all other sessions")
	SessionsEnded  = both("로그아웃시켰습니다.", "Ended.")
	UnknownDevice  = both("알 수 없는 브라우저", "Unknown browser")
)
