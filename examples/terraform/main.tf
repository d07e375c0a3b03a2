variable "greeting" {
  type = string
}

resource "terraform_data" "greeting" {
  input = var.greeting
}

output "sentence" {
  value = "${terraform_data.greeting.output} from a module"
}
