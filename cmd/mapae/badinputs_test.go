package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// operations says of each row of group Z of bad-inputs.tsv which tests show
// it, as "folder Test"; or, after "none: ", why there is nothing to show.
var operations = map[string][]string{
	"BI-487": {"cmd/mapae TestADiskThatFailsIsNeverAnsweredWithYes"},
	"BI-488": {"cmd/mapae TestADiskThatFailsIsNeverAnsweredWithYes"},
	"BI-490": {"sqlite TestStore", "postgres TestStore", "storetest TestFaultyLeavesNothingWhereverItStrikes"}, // "can't succeed when a write failed and its error was swallowed"
	"BI-491": {"cmd/mapae TestNothingIsAcknowledgedBeforeItIsOnTheDisk"},
	"BI-493": {"sqlite TestExamineFindsWhatIsWrong", "sqlite TestARestoreRefusesWhatWouldLoseSomething"},
	"BI-494": {"cmd/mapae TestADatabaseThatGoesAwayIsAnsweredFor", "postgres TestNothingIsToldOfAServerThatIsNotThere"},
	"BI-496": {"postgres TestADatabaseThatHangsIsAnsweredForWithinTwoSeconds"},
	"BI-497": {"postgres TestASignInWhoseAnswerIsCutMakesNoSecondSession"},
	"BI-499": {"postgres TestATransactionThatIsBrokenOffRunsAgain"},
	"BI-500": {"sqlite TestAWriterOfAnotherProgramIsWaitedForFiveSeconds", "web TestABrokenStoreIs503WithRetryAfter"},
	"BI-502": {"cmd/mapae TestRequestsUnderWayAreAnsweredAfterSIGTERM"},
	"BI-503": {"cmd/mapae TestAllComeBackAtOnceAfterARestart"},
	"BI-505": {"cmd/mapae TestAServerWithoutFilesHeals"},
	"BI-506": {"internal/seal TestAFailingRandomSourceStopsTheSeal"},
	"BI-508": {"cmd/mapae TestKeysAreRotatedNodeByNode"},
	"BI-509": {"cmd/mapae TestScripts", "cmd/mapae TestWithPostgreSQLNoKeyIsMadeByItself"}, // first_run.txtar
	"BI-511": {"cmd/mapae TestAStartThatIsKilledIsFinishedByTheNext"},
	"BI-512": {"sqlite TestTablesOfVersionOneAreBroughtUpToDateWithWhatIsInThem", "sqlite TestWhatCantBeOpenedIsRefusedByName", "postgres TestTablesThatDoNotFitAreRefused"},
	"BI-514": {"cmd/mapae TestABackupUnderLoadIsRestored", "cmd/mapae TestScripts"}, // backup.txtar
	"BI-515": {"none: an event is a row in the transaction of what it tells of, so none is lost and no sink can be full but the disk", "sqlite TestFullDiskIsAnErrorAndNoMoreOnceThereIsRoom"},
	"BI-517": {". TestAMailThatIsRefusedWaitsLongerEachTimeAndIsGivenUp"},
	"BI-518": {"webauthn/attestation/mds TestRollback", "webauthn/attestation/mds TestFailuresOfTheAddressAreTold"},
	"BI-520": {". TestClocksOfNodesThatDisagree", "web TestATOTPStepSurvivesTheClock"},
	"BI-521": {"postgres TestADatabaseThatHangsIsAnsweredForWithinTwoSeconds", "cmd/mapae TestADatabaseThatGoesAwayIsAnsweredFor"}, // no node keeps sessions: each look-up asks the database
	"BI-523": {"cmd/mapae TestScripts", ". TestAWrongConfigurationIsRefusedWithTheValuesNamed"},                                    // mistakes.txtar
	"BI-524": {"cmd/mapae TestNoSecretIsInTheLog"},
}

// Every row of group Z has a test, or a reason; every other row is named by a
// test somewhere; and what is named is there.
func TestOperationsCoverTheTableOfBadInputs(t *testing.T) {
	t.Parallel()
	data := os.Getenv("MAPAE_DATA")
	if data == "" {
		data = "../../../shared"
	}
	table, err := os.ReadFile(filepath.Join(data, "bad-inputs.tsv"))
	if err != nil {
		needs(t, "no table of bad inputs: "+err.Error())
	}
	tests, named := testsOf(t, "../..")
	checked := 0
	for line := range strings.Lines(string(table)) {
		row := strings.Split(line, "\t")
		if len(row) < 8 || row[0] == "id" {
			continue
		}
		id, ours := row[0], row[1] == "Z"
		switch {
		case ours && len(operations[id]) == 0:
			t.Errorf("%s %s: no test and no reason", id, row[3])
		case !ours && !named[id]:
			t.Errorf("%s %s: no test names it", id, row[3])
		default:
			checked++
		}
	}
	for id, shown := range operations {
		for _, name := range shown {
			if !strings.HasPrefix(name, "none: ") && !tests[name] {
				t.Errorf("%s: there is no %s", id, name)
			}
		}
	}
	if checked < 340 {
		t.Errorf("%d rows were checked; the table has more", checked)
	}
}

// testsOf returns the tests below a folder, as "folder Test", and the rows of
// the table that they name.
func testsOf(t *testing.T, root string) (tests, named map[string]bool) {
	t.Helper()
	tests, named = map[string]bool{}, map[string]bool{}
	head, row := regexp.MustCompile(`(?m)^func (Test\w+)\(t `), regexp.MustCompile(`BI-\d{3}`)
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range head.FindAllStringSubmatch(string(text), -1) {
			tests[filepath.ToSlash(folder)+" "+m[1]] = true
		}
		for _, id := range row.FindAllString(string(text), -1) {
			named[id] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, named
}
