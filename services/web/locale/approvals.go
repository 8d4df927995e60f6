package locale

import "fmt"

// Of what agents (송신대행자) ask their senders for.
var (
	ApprovalsTitle = both("송신대행 승인", "Approvals")
	ApprovalsText  = both("송신대행자가 내 이름으로 보내려는 문서, 또는 대신 증명서를 발급받으려는 문서입니다. 승인한 것만 할 수 있습니다.",
		"What agents want to send in your name, or whose certificates they want to obtain for you. They can do only what you approve.")
	ApprovalsFilter    = both("요청 거르기", "Filter")
	ApprovalsWaiting   = both("기다리는 요청", "Waiting")
	ApprovalsAll       = both("전체", "All")
	ApprovalsNone      = both("요청이 없습니다.", "There are no requests.")
	ApprovalsNoWaiting = both("승인을 기다리는 요청이 없습니다.", "No request waits for you.")

	ApprovalTitle    = both("송신대행 요청", "Request of an agent")
	ApprovalAgent    = both("송신대행자", "Agent")
	ApprovalPurpose  = both("요청", "Request")
	ApprovalToSend   = both("문서 보내기", "To send documents")
	ApprovalToObtain = both("증명서 발급받기", "To obtain certificates")
	ApprovalCount    = both("문서 수", "Documents")
	ApprovalAsked    = both("요청한 때", "Asked")
	ApprovalExpires  = both("유효 기한", "Valid until")
	ApprovalDecided  = both("결정한 때", "Decided")
	ApprovalDigest   = both("요청 지문", "Fingerprint of the request")
	ApprovalItems    = both("보내려는 문서", "Documents to be sent")
	ApprovalTo       = both("받는 사람", "Recipient")
	ApprovalNoHash   = both("요청에 적혀 있지 않음", "Not stated in the request")
	ApprovalItemsAre = both("문서 쪽", "Pages of documents")
	ApprovalEarlier  = both("앞 문서", "Documents before")
	ApprovalLater    = both("다음 문서", "Documents after")
	ApprovalReadOn   = both("문서가 더 있습니다. 마지막 쪽까지 본 뒤 승인할 수 있습니다.", "There are more documents. You can approve on the last page.")
	ApprovalGone     = both("보내려던 문서의 내용이 보관되어 있지 않아 보여 드릴 수 없습니다.", "What was to be sent is not kept any more, and cannot be shown.")

	ApprovalDocuments  = both("증명서를 발급받으려는 문서", "Documents whose certificates are wanted")
	ApprovalGoneObtain = both("요청한 문서의 번호가 보관되어 있지 않아 보여 드릴 수 없습니다.", "Which documents these were is not kept any more, and cannot be shown.")
	ApproveObtainText  = both("승인하면 송신대행자가 유효 기한까지 위 문서의 유통증명서와 전자증명서를 위 사유로 발급받을 수 있습니다. 전자증명서에는 문서가 들어 있습니다.",
		"The agent can then obtain the certificates of these documents for this reason until the request ends. Bundles hold the document itself.")
	DeclineObtainText = both("거절하면 송신대행자가 이 문서의 증명서를 발급받을 수 없습니다. 되돌릴 수 없습니다.", "The agent cannot obtain these certificates then. This cannot be undone.")
	RevokeObtainText  = both("거두면 송신대행자가 더 발급받거나 내려받을 수 없습니다. 이미 내려받은 것은 그대로 남습니다. 되돌릴 수 없습니다.",
		"The agent can obtain and download nothing more then. What it downloaded stays with it. This cannot be undone.")

	ApproveTitle = both("승인", "Approve")
	ApproveText  = both("승인하면 송신대행자가 유효 기한까지 위의 문서를 모두 내 이름으로 보낼 수 있습니다. 다른 문서는 보낼 수 없습니다.",
		"The agent can then send all of these documents in your name until the request ends, and no others.")
	ApproveGo    = both("모두 승인", "Approve all")
	DeclineTitle = both("거절", "Decline")
	DeclineText  = both("거절하면 송신대행자가 이 문서를 보낼 수 없습니다. 되돌릴 수 없습니다.", "The agent cannot send these documents then. This cannot be undone.")
	DeclineGo    = both("거절", "Decline")
	RevokeTitle  = both("승인 거두기", "Take the approval back")
	RevokeText   = both("거두면 아직 접수되지 않은 문서는 보낼 수 없습니다. 이미 접수된 문서는 그대로 남습니다. 되돌릴 수 없습니다.",
		"What was not accepted yet cannot be sent then. What was accepted stays accepted. This cannot be undone.")
	RevokeGo = both("승인 거두기", "Take it back")

	ApprovedDone  = both("승인했습니다.", "You have approved the request.")
	ApprovalEnded = both("요청을 끝냈습니다. 이 요청으로는 더 할 수 없습니다.", "The request has ended. Nothing more can be done under it.")

	ApprovalWaits    = both("승인을 기다림", "Waiting for you")
	ApprovalGiven    = both("승인함", "Approved")
	ApprovalDeclined = both("거절함", "Declined")
	ApprovalRevoked  = both("거두어짐", "Taken back")
	ApprovalExpired  = both("기한이 지남", "Expired")
)

// ApprovalPart says which documents of how many a page shows.
func ApprovalPart(from, to, of int) Text {
	return both(fmt.Sprintf("%d건 가운데 %d~%d번째", of, from, to), fmt.Sprintf("%d to %d of %d", from, to, of))
}
