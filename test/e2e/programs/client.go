// Posts so many bytes so many times with Go's own client and prints what each post came to.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

func main() {
	size, _ := strconv.Atoi(os.Args[2])
	times, _ := strconv.Atoi(os.Args[3])
	for time := 0; time < times; time++ {
		answer, err := http.Post(os.Args[1], "application/json", bytes.NewReader(make([]byte, size)))
		if err != nil {
			fmt.Println(err)
			continue
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode)
	}
}
