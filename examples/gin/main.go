// Command gin mounts Mapae in a gin router: the site is at /auth, one group of
// routes needs a session, and one route a passkey used in the last five minutes.
// Run it and open http://localhost:8080.
package main

import (
	"log"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/web"
)

func main() {
	router, err := newRouter("http://localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8080", router))
}

// newRouter is the program at that origin. It forgets everybody when it ends:
// examples/mount keeps them in a file.
func newRouter(origin string) (http.Handler, error) {
	auth, err := mapae.New(mapae.Config{
		Store:   memory.New(),
		Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP:      mapae.RelyingParty{ID: "localhost", Name: "Gin", Origins: []string{origin}},
		Methods: []mapae.Method{mapae.Passkey{}},
	})
	if err != nil {
		return nil, err
	}
	site := web.New(auth, web.Config{Base: "/auth", Development: true})

	router := gin.New()
	router.Use(gin.Recovery())
	router.Any("/auth/*path", gin.WrapH(site))
	router.GET("/", func(c *gin.Context) {
		user, ok := site.User(c.Request)
		c.JSON(http.StatusOK, gin.H{"signed_in": ok, "name": user.Name})
	})
	private := router.Group("/", require(site))
	private.GET("/notes/:id", func(c *gin.Context) {
		in, _ := web.SessionFrom(c.Request.Context())
		c.JSON(http.StatusOK, gin.H{"note": c.Param("id"), "of": in.User.Name})
	})
	private.POST("/transfer", require(site, mapae.PhishingResistant(), mapae.Within(5*time.Minute)), func(c *gin.Context) {
		c.JSON(http.StatusOK, gin.H{"transferred": true})
	})
	return router, nil
}

// require is site.Require for gin: the handlers that follow run for people who
// are signed in and meet the demands.
func require(site *web.Site, demands ...mapae.Demand) gin.HandlerFunc {
	return func(c *gin.Context) {
		in := false
		site.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			in = true
			c.Request = r
			c.Next()
		}), demands...).ServeHTTP(c.Writer, c.Request)
		if !in {
			c.Abort()
		}
	}
}
