// Package work does what must not happen inside a business transaction: calls to the outside world and things that fall due.
//
// # Claimed work
//
// A call is a row in a table of the unit with at least the columns
//
//	due_at      timestamptz not null   when it may be tried (next)
//	lease_until timestamptz            claimed until then
//	owner       text                   by whom
//	attempt     int not null           how often it was claimed
//
// A replica claims rows in one short statement (Claim), makes the call outside any transaction, and writes the result only if it
// still owns the attempt (Settle). If it dies in between, the lease runs out and another replica claims the row again. So a call
// may be made twice, and the other side must recognise a repetition. Only the database's clock judges leases; what it put off too
// far while it was ahead is due again once it has been set right (Wait).
//
//	update delivery d
//	   set lease_until = now() + @lease, owner = @owner, attempt = d.attempt + 1
//	  from (select id
//	          from delivery
//	         where done_at is null and due_at <= now() and (lease_until is null or lease_until <= now())
//	           and destination <> all (@blocked)
//	         order by due_at
//	         limit @limit
//	           for update skip locked) c
//	 where d.id = c.id
//	returning d.id, d.destination, d.attempt
//
// and afterwards
//
//	update delivery
//	   set done_at = now(), lease_until = null
//	 where id = @id and owner = @owner and attempt = @attempt
//
// Loop runs such work with a bounded number of workers. Destinations keeps one dead destination from occupying all of them.
// Backoff says when to try again. Calls is the configuration of all that. Settling gives a result the time to be written when its
// call has used up its own.
package work
