import { ejabberd } from '../kinds/ejabberd.js'
import { tryServer } from '../suite.js'

tryServer(ejabberd)
