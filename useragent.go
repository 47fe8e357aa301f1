package mapae

import "strings"

// mark is a word in a User-Agent and what it stands for.
type mark struct{ word, name string }

// The first mark that a User-Agent has decides: browsers name those that they
// come from, too.
var (
	browsers = []mark{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"},
		{"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []mark{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"},
		{"CrOS", "ChromeOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	}
)

// BrowserOf returns the names of browser and system that a User-Agent claims,
// out of a fixed list; empty where it names none of them.
func BrowserOf(userAgent string) (browser, system string) {
	return firstMark(browsers, userAgent), firstMark(systems, userAgent)
}

func firstMark(marks []mark, userAgent string) string {
	for _, m := range marks {
		if strings.Contains(userAgent, m.word) {
			return m.name
		}
	}
	return ""
}
