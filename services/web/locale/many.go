package locale

import "fmt"

// Of sending many documents at once (발송 묶음).
var (
	ManyTitle     = both("여러 건 보내기", "Send many documents")
	ManyText      = both("보낼 파일을 올리고, 받는 사람을 적은 표(엑셀 또는 CSV)를 주면 한꺼번에 보냅니다. 보내기 전에 모든 줄을 미리 보여 드립니다.", "Upload the files, and give a table (Excel or CSV) of the recipients. Every row is shown before anything is sent.")
	ManyLink      = both("표로 여러 건 보내기", "Send many documents by a table")
	ManyStart     = both("새 묶음 시작", "Begin a new batch")
	ManyDrafts    = both("준비하고 있는 묶음", "Batches that you prepare")
	ManyNoDrafts  = both("준비하고 있는 묶음이 없습니다.", "You prepare none.")
	ManyKept      = both("지워지는 때", "Deleted at")
	ManyBegun     = both("시작한 때", "Begun")
	ManyDraft     = both("묶음", "Batch")
	ManyKeptText  = both("로그인이 끝나도 남아 있습니다. 다시 로그인해 이어서 하십시오.", "It outlives your session: sign in again, and go on.")
	ManyDiscard   = both("이 묶음 버리기", "Discard this batch")
	ManyDiscardGo = both("버리기", "Discard")
	ManyDropText  = both("올린 파일 목록과 표를 지웁니다. 이미 넘긴 문서는 그대로 남습니다.", "Its list of files and its table are deleted. Documents that were handed over stay.")
	ManyDropped   = both("묶음을 버렸습니다.", "The batch was discarded.")

	ManyFiles       = both("1. 파일", "1. Files")
	ManyFilesText   = both("보낼 PDF를 모두 올리십시오. 이름이 같은 파일은 나중 것만 남습니다.", "Upload all PDFs that are sent. Of files with one name the last stays.")
	ManyNoFiles     = both("올린 파일이 없습니다.", "There are no files yet.")
	ManyFilesChoose = both("PDF 파일 (여러 개 고를 수 있습니다)", "PDF files (you can choose several)")
	ManyFilesDone   = both("파일을 올렸습니다. 목록을 확인하십시오.", "The files are uploaded. Check the list.")

	ManySheet        = both("2. 표", "2. Table")
	ManySheetText    = both("첫 번째 시트의 첫 줄에 열 이름을 쓰고, 다음 줄부터 한 줄에 한 건씩 쓰십시오. 새 표를 주면 앞의 표를 대신합니다.", "The first line of the first sheet names the columns; each line after it is a document. A new table replaces the one before.")
	ManySheetFile    = both("표 (xlsx 또는 CSV)", "Table (xlsx or CSV)")
	ManySheetGo      = both("표 올리기", "Upload the table")
	ManySheetDone    = both("표를 읽었습니다. 아래에서 확인하십시오.", "The table was read. Check it below.")
	ManyNeedsSheet   = both("xlsx 또는 CSV 파일을 고르십시오.", "Choose an xlsx or CSV file.")
	ManyTemplates    = both("빈 양식", "Empty form")
	ManyTemplateXLSX = both("엑셀 양식 (xlsx)", "Excel form (xlsx)")
	ManyTemplateCSV  = both("CSV 양식", "CSV form")
	ManyColumns      = both("열 설명", "About the columns")
	ManyColumn       = both("열", "Column")

	ManyAboutKey         = both("선택. 나만의 번호이며 같은 번호로 두 번 보내지 않습니다. 비우면 자동으로 붙입니다.", "Optional. Your own number of the document: nothing is sent twice under one. Made for you if empty.")
	ManyAboutTitle       = both("1~100자", "1 to 100 characters")
	ManyAboutFile        = both("위에서 올린 PDF의 이름. 올린 파일이 하나뿐이면 비워도 됩니다.", "Name of a PDF uploaded above. May be empty if there is only one.")
	ManyAboutAttachments = both("선택. 올린 파일 이름을 ;으로 나누어 10개까지", "Optional. Names of uploaded files with ; between them, up to 10.")
	ManyAboutPerson      = both("개인에게 보낼 때: 이름, 생년월일, 휴대전화번호를 모두", "To a person: name, date of birth and mobile number, all three.")
	ManyAboutNumber      = both("기관·기업에 보낼 때", "To an organisation.")
	ManyAboutAddress     = both("전자주소로 보낼 때: 중계자플랫폼 번호와 전자주소를 함께", "To an electronic address: with the platform id of its relay.")

	ManyPreview     = both("3. 확인", "3. Check")
	ManyWrong       = both("고칠 곳", "To be corrected")
	ManyRowsView    = both("보낼 문서", "Documents")
	ManyViews       = both("표 보기", "Views of the table")
	ManyRow         = both("줄", "Row")
	ManyCell        = both("칸", "Cell")
	ManyWhat        = both("고칠 내용", "What is wrong")
	ManyFile        = both("파일", "File")
	ManyRecipient   = both("받는 사람", "Recipient")
	ManyWholeSheet  = both("표 전체", "The table")
	ManyEarlier     = both("앞쪽", "Before")
	ManyLater       = both("다음 쪽", "After")
	ManyPages       = both("쪽", "Pages")
	ManyFix         = both("표를 고쳐 다시 올리거나 빠진 파일을 올리십시오. 고칠 곳이 있으면 아무것도 보내지 않습니다.", "Correct the table and upload it again, or upload what is missing. Nothing is sent while something is wrong.")
	ManySend        = both("4. 보내기", "4. Send")
	ManySendText    = both("보내기를 누르면 위의 문서를 모두 보냅니다.", "All documents above are sent.")
	ManyProgress    = both("보내기 진행", "Progress of sending")
	ManyGoOn        = both("이어서 보내기", "Go on sending")
	ManyBroke       = both("보내다가 멈추었습니다. 이어서 보내면 남은 줄부터 보냅니다. 같은 문서를 두 번 보내지 않습니다.", "Sending stopped. Going on sends the rest; nothing is sent twice.")
	ManyAllSent     = both("모든 줄을 넘겼습니다.", "Every row was handed over.")
	ManyRefused     = both("받지 않은 줄", "Rows that were not accepted")
	ManyRefusedText = both("이 줄들은 보내지 않았습니다. 내려받아 고친 뒤 새 묶음으로 보내십시오.", "These were not sent. Download and correct them, and send them in a new batch.")
	ManyRefusedCSV  = both("받지 않은 줄 내려받기 (CSV)", "Download them (CSV)")
	ManyToBatch     = both("묶음의 진행 상황 보기", "See how the batch is going")

	ManyNoRows          = both("열 이름 아래에 줄이 없습니다.", "There are no rows below the names of the columns.")
	ManyNoColumn        = both("이 열이 있어야 합니다.", "This column is needed.")
	ManyKeyForm         = both("발송 번호는 영문자, 숫자, . _ - 로 1~40자여야 합니다.", "An own key has 1 to 40 of A-Z a-z 0-9 . _ -.")
	ManyKeyTwice        = both("같은 발송 번호가 앞에 있습니다.", "The own key stands in a row before.")
	ManyTwoWays         = both("받는 사람을 찾는 방법이 둘 이상입니다. 한 가지만 쓰십시오.", "The recipient is given in more than one way. Give one.")
	ManyNoWay           = both("받는 사람이 없습니다.", "There is no recipient.")
	ManyNoFile          = both("파일 이름을 쓰십시오.", "Name the file.")
	ManyFileUnknown     = both("이 이름으로 올린 파일이 없습니다.", "No file of this name was uploaded.")
	ManyAttachmentsMost = both("첨부는 10개까지입니다.", "There may be up to 10 attachments.")
	ManyAttachedTwice   = both("같은 파일을 두 번 썼습니다.", "A file is named twice.")
	ManyUnnamedColumn   = both("열 이름이 없는 칸에 값이 있습니다.", "There is a value in a column without a name.")
	ManyFormula         = both("수식이 있습니다. 값으로 붙여 넣으십시오.", "There is a formula. Paste its value instead.")
	ManyLikeFormula     = both("= + - @ 로 시작하는 값은 쓸 수 없습니다.", "A value may not begin with = + - @.")
	ManyErrorValue      = both("#N/A 같은 오류가 있습니다.", "The cell shows an error such as #N/A.")

	ManyNotASheet = both("xlsx 또는 CSV 파일이 아닙니다. xlsx로 저장해 올리십시오.", "The file is neither xlsx nor CSV. Save it as xlsx.")
	ManyOldFormat = both("옛 형식(xls)입니다. xlsx로 저장해 올리십시오.", "The file has the old format (xls). Save it as xlsx.")
	ManyEncrypted = both("암호가 걸린 파일입니다. 암호를 풀고 저장해 올리십시오.", "The file has a password. Save it without one.")
	ManyMacros    = both("매크로가 든 파일입니다. 매크로 없는 xlsx로 저장해 올리십시오.", "The file holds macros. Save it as xlsx without them.")
	ManyDamaged   = both("파일이 손상되었습니다. 다시 저장해 올리십시오.", "The file is damaged. Save it anew.")
	ManyEncoding  = both("글자를 읽을 수 없는 CSV입니다. CSV UTF-8로 저장해 올리십시오.", "The letters of the CSV file cannot be read. Save it as CSV UTF-8.")
	ManyNoHeader  = both("첫 줄에 열 이름이 없습니다. 빈 양식의 열 이름을 쓰십시오.", "The first line names no column. Use the names of the empty form.")
)

// ManyUnknownColumn is about a column of which nobody knows what it means.
func ManyUnknownColumn(name string) Text {
	return both("모르는 열입니다: "+name, "The column is not known: "+name)
}

// ManyDuplicateColumn is about a column that is there already.
func ManyDuplicateColumn(name string) Text {
	return both("같은 뜻의 열이 앞에 있습니다: "+name, "Another column means the same: "+name)
}

// ManyFilesMost is about a form with files.
func ManyFilesMost(most int) Text {
	return both(fmt.Sprintf("한 번에 %d개까지 올릴 수 있습니다. 앞의 파일은 올렸으니 나머지를 이어서 올리십시오.", most),
		fmt.Sprintf("Up to %d files can be uploaded at once. The first are uploaded; go on with the others.", most))
}

// ManyTooLong is about a value of a cell.
func ManyTooLong(most int) Text {
	return both(fmt.Sprintf("%d자보다 깁니다.", most), fmt.Sprintf("It has more than %d characters.", most))
}

// ManyTooLarge is about a file.
func ManyTooLarge(megabytes int) Text {
	return both(fmt.Sprintf("표가 너무 큽니다. %d MB 이하여야 합니다.", megabytes), fmt.Sprintf("The table is too large. It may have up to %d MB.", megabytes))
}

// ManyTooManyRows is about a table.
func ManyTooManyRows(most int) Text {
	return both(fmt.Sprintf("%d줄보다 많습니다. 나누어 보내십시오.", most), fmt.Sprintf("There are more than %d rows. Divide the table.", most))
}

// ManyTooManyColumns is about a table.
func ManyTooManyColumns(most int) Text {
	return both(fmt.Sprintf("값이 있는 열이 %d개보다 많습니다.", most), fmt.Sprintf("There are values in more than %d columns.", most))
}

// ManyKind says which kinds of documents there are.
func ManyKind(ko, en string) Text {
	return both("다음 가운데 하나를 쓰십시오: "+ko, "Write one of these: "+en)
}

// ManyCount says how many rows there are.
func ManyCount(rows int) Text {
	return both(fmt.Sprintf("모두 %d건", rows), fmt.Sprintf("%d documents", rows))
}

// ManyWrongCount says how much has to be corrected.
func ManyWrongCount(count int) Text {
	return both(fmt.Sprintf("고칠 곳 %d군데", count), fmt.Sprintf("%d things to be corrected", count))
}

// ManySentCount says how many were handed over.
func ManySentCount(sent, of int) Text {
	return both(fmt.Sprintf("%d건 가운데 %d건을 넘겼습니다.", of, sent), fmt.Sprintf("%d of %d were handed over.", sent, of))
}

// ManyPart says which lines of how many a page shows.
func ManyPart(from, to, of int) Text {
	return both(fmt.Sprintf("%d개 가운데 %d~%d번째", of, from, to), fmt.Sprintf("%d to %d of %d", from, to, of))
}

// Of a batch that is on its way.
var (
	BatchTitle    = both("묶음의 진행 상황", "Progress of a batch")
	BatchName     = both("묶음 이름", "Name of the batch")
	BatchTotal    = both("합계", "Total")
	BatchCount    = both("문서 수", "Documents")
	BatchProgress = both("처리가 끝난 문서", "Documents that have arrived or ended")
	BatchNone     = both("아직 집계된 문서가 없습니다. 방금 보냈다면 잠시 뒤 나타납니다.", "No document is counted yet. What was just sent shows in a moment.")
	BatchMore     = both("문서가 더 있습니다. 처음 100,000건만 집계했습니다.", "There are others: the first 100,000 are counted.")
	BatchRefresh  = both("새로 고침", "Refresh")
	BatchFirst    = both("처음 접수한 때", "First accepted")
	BatchLast     = both("마지막으로 접수한 때", "Last accepted")
	SentOfBatch   = both("이 묶음의 문서만 봅니다.", "Only documents of this batch are shown.")
	SentOfState   = both("이 상태의 문서만 봅니다:", "Only documents in this state are shown:")
	SentAll       = both("모두 보기", "Show all")
)

// BatchEnded says how many have arrived or ended.
func BatchEnded(ended, of int64) Text {
	return both(fmt.Sprintf("%d건 가운데 %d건", of, ended), fmt.Sprintf("%d of %d", ended, of))
}
