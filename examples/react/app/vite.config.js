import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"

const server = "http://localhost:8080"

export default defineConfig({
  plugins: [react()],
  server: {
    port: 5173,
    strictPort: true, // the server knows this origin by its port
    // The Host header stays localhost:5173, which is an origin of the server's configuration: no changeOrigin.
    proxy: { "/auth": { target: server }, "/api": { target: server } },
  },
})
