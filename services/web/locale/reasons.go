package locale

// Problem is what a page says when something was refused: what is the matter, and what to do.
type Problem struct{ What, Do Text }

// Of problems that are known by no reason.
var (
	ProblemTitle  = both("처리하지 못했습니다", "This could not be done")
	NotThereTitle = both("없는 화면입니다", "There is no such page")
	notThere      = Problem{both("주소가 잘못되었거나 볼 수 없는 내용입니다.", "The address is wrong, or this is not yours to see."), both("처음 화면에서 다시 찾아보십시오.", "Look for it from the start page.")}
	unknown       = Problem{both("알 수 없는 문제가 생겼습니다.", "Something went wrong."), again}
	again         = both("잠시 뒤 다시 시도하십시오. 계속되면 운영자에게 문의하십시오.", "Try again in a moment. If it goes on, ask the operator.")
	checkInput    = both("입력한 내용을 확인하고 다시 시도하십시오.", "Check what you entered, and try again.")
	elseWay       = both("다른 방법으로 보내십시오.", "Send it another way.")
	backToList    = both("목록으로 돌아가 다시 여십시오.", "Go back to the list, and open it again.")
)

// ProblemOf is what to say about a machine reason; false where nobody has written about it.
func ProblemOf(reason string) (Problem, bool) {
	if p, known := problems[reason]; known {
		return p, true
	}
	return unknown, false
}

var problems = map[string]Problem{
	// Of these pages.
	"FORM_EXPIRED":      {both("양식이 오래되었거나 다른 곳에서 보낸 요청입니다.", "The form is too old, or was sent from elsewhere."), both("화면을 새로 열어 다시 보내십시오.", "Open the page anew, and send it again.")},
	"NO_SUCH_ROUTE":     notThere,
	"RATE_LIMITED":      {both("짧은 시간에 너무 많이 요청했습니다.", "There were too many requests in a short time."), both("조금 기다린 뒤 다시 시도하십시오.", "Wait a little, and try again.")},
	"BODY_TOO_LARGE":    {both("보낸 내용이 너무 큽니다.", "What you sent is too large."), both("더 작은 파일을 고르십시오.", "Choose a smaller file.")},
	"OVERLOADED":        {both("지금 이용이 많아 받을 수 없습니다.", "The service is busy."), again},
	"INVALID_REQUEST":   {both("입력한 내용이 올바르지 않습니다.", "Something you entered is not right."), checkInput},
	"INVALID_ITEM":      {both("보내는 내용이 올바르지 않습니다.", "Something about the document is not right."), checkInput},
	"UNAVAILABLE":       {both("필요한 서비스에 지금 연결할 수 없습니다.", "A service that is needed cannot be reached now."), again},
	"DEADLINE_EXCEEDED": {both("제때 답을 받지 못했습니다.", "There was no answer in time."), again},

	"DRAFT_NOT_FOUND": {both("준비하던 발송 묶음이 없거나 기한이 지나 지워졌습니다.", "There is no such draft, or it was deleted after its time."), both("여러 건 보내기에서 새로 시작하십시오.", "Begin a new one under Send many documents.")},
	"TOO_MANY_DRAFTS": {both("준비하고 있는 발송 묶음이 너무 많습니다.", "You are preparing too many batches."), both("다 보낸 묶음이나 쓰지 않을 묶음을 버린 뒤 시작하십시오.", "Discard those that are sent, or that you do not need.")},
	"TOO_MANY_FILES":  {both("한 묶음에 올릴 수 있는 파일 수를 넘었습니다.", "The batch has as many files as it may."), both("여러 묶음으로 나누어 보내십시오.", "Divide it into several.")},
	"DRAFT_BUSY":      {both("다른 창에서 같은 묶음을 바꾸고 있습니다.", "Another window changes this batch."), again},
	"DRAFT_BEGUN":     {both("이미 보내기 시작한 묶음은 바꿀 수 없습니다.", "What is being sent does not change any more."), both("묶음을 다시 열어 이어서 보내십시오.", "Open it again, and go on sending.")},

	// Of signing in.
	"TOKEN_MISSING":                 {SessionOver, SignIn},
	"TOKEN_INVALID":                 {SessionOver, SignIn},
	"TOKEN_EXPIRED":                 {both("열람 허가 또는 로그인 시간이 끝났습니다.", "The permission or your session has ended."), both("문서를 다시 여십시오. 필요하면 다시 로그인하십시오.", "Open the document again; sign in again if asked.")},
	"SESSION_UNKNOWN":               {SigninElseText, both("처음 화면에서 다시 로그인하십시오.", "Sign in again from the start page.")},
	"IDENTITY_REFUSED":              {SigninDeniedText, both("처음 화면에서 다시 로그인하십시오.", "Sign in again from the start page.")},
	"IDENTITY_PROVIDER_UNAVAILABLE": {both("본인확인기관에 연결할 수 없습니다.", "The identity provider cannot be reached."), again},
	"REDIRECT_NOT_ALLOWED":          {both("이 서비스의 로그인 설정이 잘못되었습니다.", "Signing in is not set up rightly."), both("운영자에게 문의하십시오.", "Ask the operator.")},
	"KIND_NOT_PERMITTED":            {both("이 로그인으로는 할 수 없는 일입니다.", "This cannot be done with your session."), both("운영자에게 문의하십시오.", "Ask the operator.")},
	"SCOPE_MISSING":                 {both("이 일을 할 권한이 없습니다.", "You have no right to do this."), both("기관·기업의 대표자에게 요청하거나 본인의 이름으로 이용하십시오.", "Ask a representative of the organisation, or act for yourself.")},
	"UNIT_NOT_PERMITTED":            {both("이 화면에서는 할 수 없는 일입니다.", "This cannot be done from these pages."), both("운영자에게 문의하십시오.", "Ask the operator.")},
	"KEY_SET_UNAVAILABLE":           {both("로그인을 확인할 수 없습니다.", "Your session cannot be checked now."), again},

	// Of membership and organisations.
	"NOT_A_MEMBER":                  {NotMemberYet, both("내 정보에서 가입하십시오.", "Join under My membership.")},
	"ADDRESS_TAKEN":                 {both("이미 쓰이는 전자주소입니다.", "The address is in use."), both("다시 시도하면 다른 주소를 받습니다.", "Try again to get another one.")},
	"ADDRESS_UNKNOWN":               {both("없는 전자주소입니다.", "There is no such address."), checkInput},
	"ADDRESS_NOT_REGISTERED":        {both("전자주소가 아직 유통허브에 등록되지 않았습니다.", "The address is not registered at the hub yet."), both("등록된 뒤 다시 하십시오.", "Try again once it is.")},
	"NAME_CHANGE_NOT_FOUND":         {both("유통허브에 알릴 새 이름이 없습니다.", "There is no new name to tell the hub."), backToList},
	"HUB_UNAVAILABLE":               {both("유통허브에 연결할 수 없습니다.", "The distribution hub cannot be reached."), again},
	"REQUEST_ID_REUSED":             {both("같은 신청이 다른 내용으로 이미 들어왔습니다.", "The same request has come with other content."), both("화면을 새로 열어 다시 신청하십시오.", "Open the page anew, and ask again.")},
	"APPLICATION_WAITS":             {both("이 사업자등록번호의 신청을 아직 확인하고 있습니다.", "An application for this number is being checked."), both("결과를 기다리십시오.", "Wait for its outcome.")},
	"TOO_MANY_APPLICATIONS":         {both("확인 중인 신청이 너무 많습니다.", "Too many of your applications are waiting."), both("결과를 기다린 뒤 신청하십시오.", "Wait for their outcome.")},
	"NOT_FOR_ORGANISATIONS":         {both("기관·기업의 이름으로는 할 수 없는 일입니다.", "This cannot be done for an organisation."), both("내 이름으로 돌아간 뒤 다시 하십시오.", "Act for yourself again, then try.")},
	"NOT_AN_ORGANISATION":           {both("기관·기업의 이름으로 이용할 때만 할 수 있습니다.", "This is for organisations."), both("먼저 기관·기업을 고르십시오.", "Choose an organisation first.")},
	"NOT_AUTHORISED":                {both("이 기관·기업에 대해 이 일을 할 권한이 없습니다.", "You have no authority to do this for the organisation."), both("대표자에게 요청하십시오.", "Ask its representative.")},
	"AUTHORITY_NOT_FOUND":           {both("없는 권한입니다.", "There is no such authority."), backToList},
	"LAST_REPRESENTATIVE":           {both("마지막 대표자의 권한은 끝낼 수 없습니다.", "The last representative's authority cannot be ended."), both("다른 대표자가 생긴 뒤 끝내십시오.", "End it when there is another representative.")},
	"REPRESENTATIVE_HAS_ALL_RIGHTS": {both("대표자는 모든 일을 할 수 있습니다.", "A representative may do everything."), both("다른 사람의 권한을 바꾸십시오.", "Change those of other persons.")},
	"TOO_MANY_PERSONS":              {both("권한이 있는 사람이 너무 많습니다.", "Too many persons have authority."), both("쓰지 않는 권한을 끝내십시오.", "End those that are not used.")},

	// Of received documents and viewing.
	"ITEM_NOT_FOUND":          {both("수신함에 없는 문서입니다.", "There is no such document in your inbox."), backToList},
	"PAGE_TOKEN_INVALID":      {both("목록이 바뀌었습니다.", "The list has changed."), both("목록을 처음부터 여십시오.", "Open the list from its beginning.")},
	"DOCUMENT_NOT_FOUND":      {both("없는 문서이거나 볼 권한이 없습니다.", "There is no such document, or it is not yours."), backToList},
	"VIEWING_DEADLINE_PASSED": {ViewingOver, both("보낸 곳에 다시 보내 달라고 요청하십시오.", "Ask the sender to send it again.")},
	"DOCUMENT_CANCELLED":      {both("보낸 곳이 발송을 취소한 문서입니다.", "The sender has cancelled this document."), both("보낸 곳에 문의하십시오.", "Ask the sender.")},
	"TOO_MANY_TOKENS":         {both("짧은 시간에 너무 여러 번 열었습니다.", "It was opened too often in a short time."), both("조금 기다린 뒤 다시 여십시오.", "Wait a little, and open it again.")},
	"TOKEN_MALFORMED":         {both("열람 허가가 올바르지 않습니다.", "The permission to view is not right."), backToList},
	"TOKEN_FORGED":            {both("열람 허가가 올바르지 않습니다.", "The permission to view is not right."), backToList},
	"TOKEN_FOREIGN":           {both("다른 곳의 열람 허가입니다.", "The permission is for another place."), backToList},
	"TOKEN_REPLAYED":          {both("이미 쓴 열람 허가입니다.", "The permission was used already."), backToList},
	"VERIFICATION_UNKNOWN":    {both("없는 열람입니다.", "There is no such viewing."), backToList},
	"READ_TIME_OUT_OF_WINDOW": {both("읽은 때를 기록할 수 없습니다.", "The reading cannot be recorded."), backToList},
	"SHOWN_HASH_DIFFERS":      {both("보여 준 내용이 보낸 문서와 다릅니다.", "What was shown is not what was sent."), both("운영자에게 알려 주십시오.", "Please tell the operator.")},
	"READ_TIME_NOT_KEPT":      {both("읽은 때를 남기지 않는 문서입니다.", "No read time is kept for this document."), backToList},
	"VIEWED_ELSEWHERE":        {ViewThereText, backToList},
	"CONTENT_UNAVAILABLE":     {both("문서를 지금 가져올 수 없습니다.", "The document cannot be had now."), again},
	"CONTENT_DIFFERS":         {both("보관된 문서가 보낸 문서와 다릅니다. 보여 드리지 않습니다.", "What is kept is not what was sent. It is not shown."), both("운영자에게 알려 주십시오.", "Please tell the operator.")},
	"VIEWING_UNKNOWN":         {both("열람이 끝났거나 없는 열람입니다.", "The viewing has ended, or there is none."), backToList},
	"PART_NOT_FOUND":          {both("없는 파일입니다.", "There is no such file."), backToList},
	"NOTHING_SHOWN":           {both("아직 문서를 보여 드리지 않았습니다.", "Nothing has been shown yet."), backToList},

	// Of certificates.
	"NOT_REGISTERED_YET":    {both("유통정보가 아직 유통허브에 등록되지 않았습니다.", "The document is not registered at the hub yet."), again},
	"CERTIFICATE_NOT_FOUND": {both("없는 유통증명서입니다.", "There is no such certificate."), backToList},
	"NOT_ISSUED":            {both("아직 발급되지 않았습니다.", "It is not issued yet."), again},
	"CHECK_FAILED":          {both("받은 증명서가 이 문서의 기록과 맞지 않아 내드리지 않습니다.", "The certificate does not fit the records, and is not handed out."), both("운영자에게 문의하십시오.", "Ask the operator.")},
	"HUB_REFUSED":           {both("유통허브가 거절했습니다.", "The hub refused."), both("운영자에게 문의하십시오.", "Ask the operator.")},
	"DOCUMENT_ENDED":        {both("전달되지 않고 끝난 문서입니다.", "The document ended without being received."), both("유통증명서를 받을 수 없습니다.", "There can be no certificate.")},
	"WITHOUT_CIRCULATION":   {both("유통정보를 남기지 않는 문서입니다.", "No circulation record is kept of this document."), both("유통증명서를 받을 수 없습니다.", "There can be no certificate.")},
	"REGISTRATION_GIVEN_UP": {both("유통정보를 등록하지 못한 문서입니다.", "The document could not be registered at the hub."), both("운영자에게 문의하십시오.", "Ask the operator.")},

	"BUNDLE_NOT_FOUND":         {both("없는 전자증명서 묶음입니다.", "There is no such bundle."), backToList},
	"BUNDLE_NOT_ISSUED":        {both("묶음이 아직 발급되지 않았습니다.", "The bundle is not issued yet."), again},
	"NOT_DEPOSITED_HERE":       {both("보낸 사람이 보관소에 직접 등록한 문서입니다.", "The sender registered this document at the archive itself."), both("유통증명서를 받고, 원본증명서는 보관소에 신청하십시오.", "Ask for the certificate of distribution here, and for the original certificate at the archive.")},
	"BUNDLES_NOT_OFFERED":      {both("이 서비스는 전자증명서 묶음을 만들지 않습니다.", "This service makes no bundles."), both("유통증명서를 신청하십시오.", "Ask for the certificate of distribution.")},
	"DOCUMENT_UNAVAILABLE":     {both("문서를 지금 가져올 수 없습니다.", "The document cannot be had now."), again},
	"ARCHIVE_REFUSED":          {both("보관소가 문서를 내주지 않았습니다.", "The archive does not issue the document."), both("운영자에게 문의하십시오.", "Ask the operator.")},
	"FILE_TOO_LARGE":           {both("파일이 너무 큽니다.", "The file is too large."), both("큰 파일은 naru verify 명령으로 검증하십시오.", "Verify it with the command naru verify.")},
	"VERIFICATION_NOT_OFFERED": {VerifyNone, VerifyElsewhere},
	"KIND_NOT_OFFERED":         {both("이 서비스는 이런 종류의 파일을 검증하지 않습니다.", "This service does not verify files of this kind."), VerifyElsewhere},
	"SIGNED_REPORT_UNAVAILABLE": {
		both("지금은 서명된 보고서를 만들 수 없습니다.", "No signed report can be made now."),
		both("잠시 뒤 다시 하거나, 보고서 없이 검증하십시오.", "Try again in a moment, or verify without a report."),
	},

	// Of uploads and sending.
	"UPLOAD_NOT_FOUND":              {both("올린 파일이 없거나 기한이 지나 지워졌습니다.", "The upload is not there, or was deleted after its time."), both("파일을 다시 올리십시오.", "Upload the file again.")},
	"UPLOAD_TOO_LARGE":              {both("파일이 너무 큽니다.", "The file is too large."), both("더 작은 파일을 고르십시오.", "Choose a smaller file.")},
	"MEDIA_TYPE_NOT_TAKEN":          {both("받지 않는 형식의 파일입니다.", "Files of this type are not taken."), both("PDF로 바꾸어 올리십시오.", "Upload it as PDF.")},
	"TOO_MANY_UPLOADS":              {both("보내지 않은 파일이 너무 많습니다.", "There are too many uploads that were not sent."), both("올린 파일을 먼저 보내거나 잠시 기다리십시오.", "Send them, or wait.")},
	"OFFSET_DIFFERS":                {both("파일이 다른 곳까지 올라와 있습니다.", "The upload stands elsewhere."), both("파일을 다시 올리십시오.", "Upload the file again.")},
	"UPLOAD_BUSY":                   {both("이 파일을 다른 창에서 올리고 있습니다.", "Another window uploads this file."), again},
	"MORE_THAN_ANNOUNCED":           {both("파일이 알린 크기보다 큽니다.", "The file is larger than announced."), both("파일을 다시 올리십시오.", "Upload the file again.")},
	"UPLOAD_ENDED":                  {both("이미 끝난 올리기입니다.", "The upload has ended."), both("파일을 다시 올리십시오.", "Upload the file again.")},
	"TOO_MANY_STREAMS":              {both("지금 옮기는 파일이 너무 많습니다.", "Too many files are on their way now."), again},
	"UPLOAD_IN_USE":                 {both("이미 보낸 문서의 파일입니다.", "The file belongs to a document that was sent."), backToList},
	"STORAGE_FULL":                  {both("저장할 곳이 부족합니다.", "There is no room to keep it now."), again},
	"STORAGE_UNAVAILABLE":           {both("저장소에 연결할 수 없습니다.", "The storage cannot be reached."), again},
	"OWN_KEY_CONFLICT":              {both("같은 발송 번호로 다른 문서를 이미 보냈습니다.", "Another document was sent under this key."), both("화면을 새로 열어 다시 보내십시오.", "Open the page anew, and send it again.")},
	"SENDER_ADDRESS_NOT_REGISTERED": {both("보내는 전자주소가 아직 등록되지 않았습니다.", "Your address is not registered yet."), both("등록이 끝난 뒤 보내십시오.", "Send when it is.")},
	"SENDER_SUSPENDED":              {both("발송이 정지되어 있습니다.", "Sending is suspended."), both("운영자에게 문의하십시오.", "Ask the operator.")},
	"CLOCK_UNTRUSTED":               {both("시각을 믿을 수 없어 지금은 접수하지 않습니다.", "The clock cannot be trusted, so nothing is accepted now."), again},
	"CONTENT_NOT_READY":             {both("올린 파일이 아직 보낼 수 있는 상태가 아닙니다.", "The uploaded file is not ready to be sent."), both("잠시 뒤 다시 보내거나 파일을 다시 올리십시오.", "Try again in a moment, or upload it again.")},
	"CONTENT_HASH_DIFFERS":          {both("올린 파일이 알린 것과 다릅니다.", "The uploaded file is not the one announced."), both("파일을 다시 올리십시오.", "Upload the file again.")},
	"REPEATED_DOCUMENT_INVALID":     {both("다시 보내려는 문서를 찾을 수 없습니다.", "The document to be repeated is not there."), backToList},
	"ADDRESS_WITHDRAWN":             {both("받는 사람의 전자주소가 없어졌습니다.", "The recipient's address has ended."), both("다른 방법으로 보내십시오.", "Send it another way.")},
	"DEPOSIT_REFUSED":               {both("보관소가 등록을 거절했습니다.", "The archive refused it."), both("운영자에게 문의하십시오.", "Ask the operator.")},
	"CONTENT_LOST":                  {both("올린 파일을 찾을 수 없습니다.", "The uploaded file is lost."), both("문서를 다시 보내십시오.", "Send the document again.")},
	"DEPOSIT_GIVEN_UP":              {both("보관소에 등록하지 못했습니다.", "It could not be registered at the archive."), both("문서를 다시 보내십시오.", "Send the document again.")},
	"ARCHIVE_UNAVAILABLE":           {both("보관소에 연결할 수 없습니다.", "The archive cannot be reached."), again},

	// Of invitations.
	"INVITATION_NOT_FOUND": {InvitationUnknown, InvitationUnknownDo},
	"NOTICE_NOT_FOUND":     {NoticeUnknown, NoticeUnknownDo},
	"INVITATION_REFUSED":   {both("받는 사람이 가입 안내를 거부했습니다.", "The recipient refuses invitations."), elseWay},
	"INVITATION_FAILED":    {both("받는 사람에게 가입 안내를 보내지 못했습니다.", "The recipient could not be invited."), elseWay},
	"NO_SUCH_PERSON":       {both("이 연락처로 받는 사람을 찾을 수 없습니다.", "Nobody is known at this contact."), both("연락처를 확인하십시오.", "Check the contact.")},

	// Of what agents send for others.
	"AUTHORISATION_NOT_FOUND": {both("없는 요청이거나 나에게 온 요청이 아닙니다.", "There is no such request, or it is not yours."), backToList},
	"AUTHORISATION_DECIDED":   {both("이미 끝난 요청입니다. 거절했거나, 거두었거나, 기한이 지났습니다.", "The request has ended: it was declined or taken back, or its time is over."), both("필요하면 송신대행자에게 다시 요청하라고 하십시오.", "If it is still wanted, have the agent ask again.")},
	"DIGEST_DIFFERS":          {both("화면에서 본 내용이 요청의 내용과 다릅니다. 승인하지 않았습니다.", "What you were shown is not what is asked for. Nothing was approved."), both("요청을 다시 열어 내용을 읽은 뒤 결정하십시오.", "Open the request again, and read it before you decide.")},
	"AUTHORISATION_MISSING":   {both("보내는 사람의 승인이 없습니다.", "The sender has not approved it."), both("승인을 받은 뒤 보내십시오.", "Send it when the sender has.")},
	"SIGNATURE_INVALID":       {both("승인의 서명이 올바르지 않습니다.", "The signature is not right."), both("등록한 열쇠로 다시 서명하십시오.", "Sign again, with a registered key.")},

	// Of what a file may not hold.
	"HASH_DIFFERS":       {both("올라온 내용이 원본과 다릅니다.", "What arrived is not the original."), both("파일을 다시 올리십시오.", "Upload the file again.")},
	"NOT_THE_MEDIA_TYPE": {both("PDF 파일이 아닙니다.", "The file is no PDF."), both("PDF로 저장해 올리십시오.", "Save it as PDF.")},
	"PDF_ENCRYPTED":      {both("암호가 걸린 PDF입니다.", "The PDF is encrypted."), both("암호를 풀고 저장해 올리십시오.", "Save it without a password.")},
	"PDF_SCRIPT":         {both("PDF에 스크립트가 들어 있습니다.", "The PDF holds script."), both("스크립트 없이 저장해 올리십시오.", "Save it without script.")},
	"PDF_LAUNCH_ACTION":  {both("PDF에 프로그램을 실행하는 동작이 들어 있습니다.", "The PDF starts programs."), both("그 동작 없이 저장해 올리십시오.", "Save it without that.")},
	"PDF_EMBEDDED_FILE":  {both("PDF 안에 다른 파일이 들어 있습니다.", "The PDF holds other files."), both("첨부로 따로 올리십시오.", "Upload them as attachments.")},
	"PDF_MALFORMED":      {both("PDF의 구조가 올바르지 않습니다.", "The PDF is damaged."), both("다시 저장해 올리십시오.", "Save it anew.")},
}
