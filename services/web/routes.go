package web

// routes are all addresses of the pages. None holds anything of a person: numbers of documents and random ids only.
func (s *service) routes() []route {
	return []route{
		{pattern: "GET /{$}", serve: (*visit).start, open: true},
		{pattern: "GET /terms", serve: (*visit).showTerms, open: true},
		{pattern: "GET /language/{tag}", serve: (*visit).setLanguage, open: true},
		{pattern: "GET /signin", serve: (*visit).signIn, open: true, signin: true},
		{pattern: "GET /signin/callback", serve: (*visit).signedIn, open: true, signin: true},
		{pattern: "POST /signout", serve: (*visit).signOut},
		{pattern: "GET /sessions", serve: (*visit).showSessions},
		{pattern: "POST /sessions/end", serve: (*visit).endSessions},
		{pattern: "GET /accesses", serve: (*visit).showAccesses},
		{pattern: "GET /data", serve: (*visit).showData},
		{pattern: "POST /data/copy", serve: (*visit).downloadData},

		{pattern: "GET /invitation", serve: (*visit).showInvitation, open: true},
		{pattern: "POST /invitation", serve: (*visit).findInvitation, open: true, coded: true},
		{pattern: "POST /invitation/refuse", serve: (*visit).refuseInvitation, open: true, coded: true},
		{pattern: "GET /notice", serve: (*visit).showNotice, open: true},
		{pattern: "POST /notice", serve: (*visit).confirmNotice, open: true, coded: true},

		{pattern: "GET /join", serve: (*visit).showJoin},
		{pattern: "POST /join", serve: (*visit).join},
		{pattern: "GET /membership", serve: (*visit).showMembership},
		{pattern: "POST /membership/consent", serve: (*visit).setConsent},
		{pattern: "POST /membership/refusals", serve: (*visit).setRefusal},
		{pattern: "GET /membership/withdraw", serve: (*visit).showWithdraw},
		{pattern: "POST /membership/withdraw", serve: (*visit).withdraw},

		{pattern: "GET /inbox", serve: (*visit).showInbox},
		{pattern: "POST /inbox/search", serve: (*visit).searchInbox},
		{pattern: "GET /inbox/{number}", serve: (*visit).showDocument},
		{pattern: "POST /inbox/{number}/view", serve: (*visit).view},
		{pattern: "POST /inbox/{number}/certificates", serve: (*visit).requestReceived},
		{pattern: "GET /viewings/{viewing}/parts/{part}", serve: (*visit).readPart},
		{pattern: "POST /viewings/{viewing}/parts/{part}", serve: (*visit).downloadPart},
		{pattern: "POST /viewings/{viewing}/shown", serve: (*visit).confirmShown},
		{pattern: "GET /certificates/{id}", serve: (*visit).showCertificate},
		{pattern: "GET /certificates/{id}/content", serve: (*visit).downloadCertificate},

		{pattern: "GET /organisations", serve: (*visit).showOrganisations},
		{pattern: "POST /organisations/act", serve: (*visit).act},
		{pattern: "GET /organisations/apply", serve: (*visit).showApply},
		{pattern: "POST /organisations/apply", serve: (*visit).apply, streams: true},
		{pattern: "GET /organisations/persons", serve: (*visit).showPersons},
		{pattern: "POST /organisations/persons", serve: (*visit).authorise},
		{pattern: "POST /organisations/persons/rights", serve: (*visit).setRights},
		{pattern: "POST /organisations/persons/end", serve: (*visit).endAuthority},

		{pattern: "GET /send", serve: (*visit).showSend},
		{pattern: "GET /send/attach", serve: (*visit).showAttach},
		{pattern: "POST /send", serve: (*visit).send},
		{pattern: "POST /uploads", serve: (*visit).upload, streams: true},
		{pattern: "POST /uploads/begin", serve: (*visit).beginUpload},
		{pattern: "GET /uploads/{id}", serve: (*visit).standing},
		{pattern: "PATCH /uploads/{id}", serve: (*visit).appendUpload, streams: true},
		{pattern: "GET /sent", serve: (*visit).showSent},
		{pattern: "GET /sent/{number}", serve: (*visit).showSentDocument},
		{pattern: "POST /sent/{number}/cancel", serve: (*visit).cancel},
		{pattern: "POST /sent/{number}/certificates", serve: (*visit).requestSent},

		{pattern: "GET /approvals", serve: (*visit).showApprovals},
		{pattern: "GET /approvals/{id}", serve: (*visit).showApproval},
		{pattern: "POST /approvals/{id}/approve", serve: (*visit).approve},
		{pattern: "POST /approvals/{id}/revoke", serve: (*visit).revoke},
	}
}
