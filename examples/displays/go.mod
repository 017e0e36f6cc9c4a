module example.com/displays

go 1.26
