//! Registration forms of the original's free edition. Nothing leaves this machine: the answer is what
//! the form's sender needs to go on.

use nephele_model::{Error, Result};

use crate::{Manager, crypto};

impl Manager {
    /// Takes a form and gives the id that its sender shows from now on.
    pub fn register_contact(&self, first_name: &str, last_name: &str, email: &str, agreed: bool) -> Result<String> {
        if !agreed {
            return Err(Error::bad_parameters("EULA must be confirmed by user"));
        }
        if first_name.is_empty() || last_name.is_empty() || !email.contains('@') {
            return Err(Error::bad_parameters("The form needs a first name, a last name and an email address"));
        }
        Ok(format!("COM-{}-{}", self.settings.hostname, crypto::random_text(8)))
    }
}
